// The replay bar: where in the archive the clock is, and what moves it.

import { $, options, set, write } from './dom.ts';

export interface Span {
  from: number; // µs
  to: number;
}

export interface Steer {
  toggle(): void;
  step(): void;
  seek(micros: number): void;
  speed(value: string): void;
  live(): void;
}

const speeds = ['0.1', '0.5', '1', '2', '5', '10', '50', '100', '1000', 'max'];
const clock = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium', hourCycle: 'h23' });
const day = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });

// local is a time as an input of a date takes it, in the zone of whoever looks.
export function local(micros: number): string {
  const date = new Date(micros / 1000);
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}

export class ReplayBar {
  private span: Span | undefined;
  private dragging = false;
  private readonly seek = $<HTMLInputElement>('seek');
  private readonly at = $<HTMLInputElement>('at');

  constructor(steer: Steer) {
    $('play').addEventListener('click', () => steer.toggle());
    $('step').addEventListener('click', () => steer.step());
    $('to-live').addEventListener('click', () => steer.live());
    const speed = $<HTMLSelectElement>('speed');
    speed.addEventListener('change', () => steer.speed(speed.value));
    // While it is dragged only the time is shown; the replay is moved where it is let go.
    this.seek.addEventListener('input', () => {
      this.dragging = true;
      write('present', clock.format(this.dragged() / 1000));
    });
    this.seek.addEventListener('change', () => {
      this.dragging = false;
      steer.seek(this.dragged());
    });
    this.at.addEventListener('change', () => {
      const ms = new Date(this.at.value).getTime();
      if (!Number.isNaN(ms)) steer.seek(ms * 1000);
    });
  }

  private dragged(): number {
    const { from, to } = this.span ?? { from: 0, to: 0 };
    return Math.round(from + ((to - from) * Number(this.seek.value)) / Number(this.seek.max));
  }

  // holds says what there is to replay; nothing: there is no bar.
  holds(span: Span | undefined): void {
    this.span = span;
    $('replay').hidden = !span;
    if (!span) return;
    write('begins', day.format(span.from / 1000));
    write('ends', day.format(span.to / 1000));
    this.at.min = local(span.from);
    this.at.max = local(span.to + 1_000_000);
  }

  // show draws how the replay is; without a time the page is live.
  show(now: { time?: number; paused: boolean; ended: boolean; speed: string; mayGoLive: boolean }): void {
    const live = now.time === undefined;
    const still = now.paused || now.ended;
    for (const id of ['play', 'step'] as const) $<HTMLButtonElement>(id).disabled = live;
    $('play').setAttribute('aria-label', still || live ? 'Play' : 'Pause');
    $('play').title = `${still || live ? 'play' : 'pause'} (space)`;
    $('play').firstElementChild!.className = still || live ? 'play' : 'pause';
    options($<HTMLSelectElement>('speed'), speeds.includes(now.speed) ? times(speeds) : times([now.speed, ...speeds]), now.speed);
    $<HTMLSelectElement>('speed').disabled = live;
    $('to-live').setAttribute('aria-pressed', String(live));
    $('to-live').hidden = !now.mayGoLive;
    if (this.dragging || !this.span) return;
    const { from, to } = this.span;
    const time = now.time ?? to;
    this.seek.value = String(Math.round((Number(this.seek.max) * (time - from)) / Math.max(1, to - from)));
    this.seek.setAttribute('aria-valuetext', clock.format(time / 1000));
    set($('present'), live ? '' : clock.format(time / 1000) + (now.ended ? ' · the end' : ''));
    if (document.activeElement !== this.at) this.at.value = local(time);
  }
}

const times = (list: string[]): [string, string][] => list.map((s) => [s, s === 'max' ? 'max' : `${s}×`]);
