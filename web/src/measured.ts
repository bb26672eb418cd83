// The panel of the link: counted by the client, shown once a second.

import { $, write } from './dom.ts';
import { bytes, History, median, rate, Rate } from './measures.ts';

// Counts are of the connection since the page was opened.
export interface Counts {
  messages: number;
  events: number;
  bytes: number;
  folded: number;
  gaps: number;
  reconnects: number;
  trip?: number; // ms
  clock?: number; // ms that the server's clock is ahead
  lag?: number; // ms
  granted?: string;
}

const minute = 60;
const most = 500; // ages of a second are enough for its median

export class Measured {
  private readonly messages = new Rate();
  private readonly events = new Rate();
  private readonly bytes = new Rate();
  private readonly delays = new History(minute);
  private ages: number[] = [];

  // note takes down how old a message was when it arrived, in ms.
  note(age: number): void {
    if (this.ages.length < most) this.ages.push(age);
  }

  show(counts: Counts, now: number): void {
    write('messages', `${rate(this.messages.next(counts.messages, now))}/s`);
    write('rate', `${rate(this.events.next(counts.events, now))}/s`);
    write('bytes', bytes(this.bytes.next(counts.bytes, now)));
    for (const count of ['folded', 'gaps', 'reconnects'] as const) write(count, counts[count].toLocaleString('en'));
    write('granted', counts.granted === '0' ? 'every tick' : (counts.granted ?? '–'));
    write('lag', counts.lag === undefined ? '–' : `${Math.round(counts.lag)} ms`);
    const ahead = counts.clock === undefined ? undefined : Math.round(counts.clock) || 0; // never -0
    const clock = ahead === undefined ? '' : `, ${ahead < 0 ? '−' : '+'}${Math.abs(ahead)} ms`;
    write('clock', counts.trip === undefined ? '–' : `${counts.trip.toFixed(counts.trip < 10 ? 1 : 0)} ms${clock}`);
    const delay = median(this.ages);
    this.ages = [];
    write('delay', delay === undefined ? '–' : delay.toFixed(delay < 10 ? 1 : 0));
    this.delays.add(delay ?? 0);
    const line = this.delays.points(240, 40);
    $('spark').querySelector('polyline')!.setAttribute('points', line);
    $('spark').querySelector('polygon')!.setAttribute('points', `${line} 240,40 ${line.slice(0, line.indexOf(','))},40`);
  }
}
