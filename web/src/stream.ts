// The page's feed: the live one, or a replay, and what the page asks of either. The client does the rest: it
// reconnects, resumes, and keeps every room's state.

import { connect, type Feed, type Hello, Replay, type Room, type State, type Ticker } from '@tapedeck/client';
import type { View } from './address.ts';

const listInterval = '250ms'; // for the list: a person sees no more
const listed = 900; // tickers at most: a connection has 1,000 rooms, and what is shown needs some of them

export interface Listener {
  state(): void;
  hello(): void;
  ticker(key: string, ticker: Ticker): void; // also the first time that there is a symbol
  timeline(): void; // a replay was paused, goes on, has ended, or has become live
}

export class Stream {
  feed!: Feed;
  time: number | undefined; // of a replay, µs
  private at = { from: '', to: '' };
  private wanted: string[] = []; // tickers: rooms and patterns

  constructor(private readonly listener: Listener) {}

  private get replay(): Replay | undefined {
    return this.feed instanceof Replay ? this.feed : undefined;
  }

  get state(): State {
    return this.feed.state;
  }

  get detail(): string {
    return this.feed.reason;
  }

  get offers(): Hello | undefined {
    return this.feed.hello;
  }

  get ended(): boolean {
    return this.replay?.phase === 'end';
  }

  // caughtUp: a replay has become the live market.
  get caughtUp(): boolean {
    return this.replay?.phase === 'live';
  }

  isAt(from: string, to: string): boolean {
    return this.feed !== undefined && this.at.from === from && this.at.to === to;
  }

  open({ from, to, speed, paused }: View): void {
    this.feed?.close();
    this.at = { from, to };
    this.time = undefined;
    const url = new URL('v1/stream', document.baseURI);
    url.protocol = url.protocol.replace('http', 'ws');
    const live = connect(url.href);
    const feed: Feed = from ? live.replay({ from, to, speed }) : live;
    this.feed = feed;
    if (paused) void this.replay?.pause();
    const ours = (tell: () => void) => () => {
      if (feed === this.feed) tell();
    };
    feed.on('state', ours(this.listener.state));
    feed.on('hello', ours(this.listener.hello));
    feed.on('status', ours(() => {
      this.time = this.replay?.time;
      this.listener.timeline();
    }));
    for (const name of this.wanted) this.follow(name);
  }

  // follow joins a ticker, or all of a venue.
  private follow(name: string): void {
    const room: Room<unknown, Ticker> = this.feed.room(name, { interval: listInterval });
    const tell = (message: { room: string }) => {
      const ticker = room.members.get(message.room)?.value;
      if (ticker) this.listener.ticker(message.room.slice('ticker:'.length), ticker);
    };
    room.on('snapshot', tell);
    room.on('update', tell);
  }

  // list follows the tickers of venues: all of each, or where they are too many the first of their symbols.
  list(venues: string[], symbols: string[]): void {
    const names = symbols.length > listed ? symbols.slice(0, listed).map((key) => `ticker:${key}`) : venues.map((venue) => `ticker:${venue}:*`);
    for (const name of names) {
      if (this.wanted.includes(name)) continue;
      this.wanted.push(name);
      this.follow(name);
    }
  }

  // moved says by which address the place is known that the replay has come to.
  moved(from: string): void {
    this.at.from = from;
  }

  seek(to: number, from: string): void {
    this.moved(from);
    this.time = to;
    void this.replay?.seek(to);
  }

  speed(speed: string): void {
    void this.replay?.speed(speed === 'max' ? speed : Number(speed));
  }

  pause(paused: boolean): void {
    if (paused) void this.replay?.pause();
    else void this.replay?.play();
  }

  step(): void {
    void this.replay?.step();
  }

  now(): void {
    if (this.state === 'waiting') this.feed.now();
  }

  // told takes the log's time of a message: in a replay it is the present, live it tells how old the message is.
  told(ts: number, age: (ms: number) => void): void {
    const ms = this.feed.age(ts);
    if (this.replay && !this.caughtUp) this.time = Math.max(this.time ?? 0, ts);
    else if (ms !== undefined) age(ms);
  }

  get counts() {
    const { stats, latency, clockOffset, lag, hello } = this.feed;
    return {
      messages: stats.messages, events: stats.received, bytes: stats.bytes, folded: stats.folded, gaps: stats.gaps + stats.broken,
      reconnects: Math.max(0, stats.connects - 1), trip: latency, clock: clockOffset, lag, node: hello?.node ?? '',
    };
  }
}
