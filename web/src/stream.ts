// The page's feed: the live one, or a replay, and what the page asks of either. The client does the rest: it
// reconnects, resumes, and keeps every room's state.

import { connect } from '@tapedeck/client';
import type { View } from './address.ts';
import type { Ticker } from './price.ts';

export type Feed = ReturnType<typeof connect>;
export type Room<_V> = any;

const listInterval = '250ms'; // for the list: a person sees no more

export interface Listener {
  state(): void;
  hello(): void;
  symbol(key: string): void; // there is one
  ticker(key: string, ticker: Ticker): void;
  timeline(): void; // a replay's clock, pause or end has changed
}

export interface Offers {
  intervals: string[];
  depths: string[];
  widths: string[];
}

export class Stream {
  feed!: Feed;
  state: 'connecting' | 'open' | 'waiting' | 'closed' = 'connecting';
  detail = '';
  node = '';
  offers: Offers | undefined;
  time: number | undefined; // of a replay, µs
  ended = false;
  private at = { from: '', to: '' };
  private known = new Set<string>();
  private reconnects = 0;

  constructor(private readonly listener: Listener) {}

  isAt(from: string, to: string): boolean {
    return this.feed !== undefined && this.at.from === from && this.at.to === to;
  }

  open(view: View): void {
    this.feed?.close();
    this.at = { from: view.from, to: view.to };
    this.time = view.from ? micros(view.from) : undefined;
    this.ended = false;
    const url = new URL('v1/stream', document.baseURI);
    url.protocol = url.protocol.replace('http', 'ws');
    const live: any = connect(url.href, { interval: view.interval } as any);
    const feed: any = (this.feed = view.from ? live.replay({ from: view.from, to: view.to, speed: view.speed }) : live);
    feed.on('state', () => {
      if (feed !== this.feed) return;
      if (this.state === 'open' && feed.state === 'waiting') this.reconnects++;
      this.state = feed.state;
      if (feed.hello) {
        this.offers = feed.hello;
        this.node = feed.hello.node;
        this.listener.hello();
      }
      this.listener.state();
    });
    feed.on('status', (status: any) => {
      if (status.ts) this.time = status.ts;
      this.ended = status.state === 'end';
      this.listener.timeline();
    });
    for (const key of this.known) this.ticker(key);
  }

  private ticker(key: string): void {
    const room = (this.feed as any).ticker(key, { interval: listInterval });
    room.on('change', () => this.listener.ticker(key, room.value));
  }

  venues(_venues: string[], symbols: string[]): void {
    for (const key of symbols) {
      if (this.known.has(key)) continue;
      this.known.add(key);
      this.ticker(key);
      this.listener.symbol(key);
    }
  }

  // moved says by which address the place is known that the replay has come to.
  moved(from: string): void {
    this.at.from = from;
  }

  seek(to: number, from: string): void {
    this.moved(from);
    this.time = to;
    this.ended = false;
    (this.feed as any).seek(to);
  }

  speed(speed: string): void {
    if (this.at.from) (this.feed as any).speed(speed === 'max' ? speed : Number(speed));
  }

  pause(paused: boolean): void {
    if (!this.at.from) return;
    if (paused) (this.feed as any).pause();
    else (this.feed as any).play();
  }

  step(): void {
    (this.feed as any).step();
  }

  now(): void {}

  // age tells how old a message is when it arrives, by the server's clock; a replay's are as old as the past.
  age(ts: number, tell: (ms: number) => void): void {
    if (this.at.from) this.time = ts;
    else tell(Math.max(0, Date.now() + ((this.feed as any).clockOffset ?? 0) - ts / 1000));
  }

  get counts() {
    const stats = (this.feed as any).stats;
    return { messages: stats.messages ?? 0, events: stats.received, bytes: stats.bytes, folded: stats.folded, gaps: stats.gaps, reconnects: this.reconnects, trip: (this.feed as any).latency, clock: (this.feed as any).clockOffset };
  }
}

const micros = (text: string) => (/^\d+$/.test(text) ? Number(text) : new Date(text).getTime() * 1000);
