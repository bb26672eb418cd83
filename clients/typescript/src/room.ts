import { Chain } from './chain.js';
import { RefusedError } from './errors.js';
import { Emitter } from './events.js';
import type { Gap, Grant, Refusal, RoomStatus, Snapshot, Status, Update } from './messages.js';
import { isPattern, millis, parseRoom } from './names.js';
import { Reader, type Failure, type RoomEvent } from './reader.js';
import { stateOf, type State } from './state.js';

export interface RoomOptions {
  interval?: string; // how often to be told: "0", as it happens, or a duration such as "100ms"
  last?: number; // trades or candles in the snapshot
  keep?: number; // trades or candles that are kept (1000)
  buffer?: number; // events that a "for await" may be behind (1024)
}

export interface BookOptions extends RoomOptions {
  depth?: number | string; // levels a side, of those that hello offers; the whole book without
}

export interface RoomEvents<V, D> {
  change: Room<V, D>; // the value is another
  snapshot: Snapshot<D>;
  update: Update<D>;
  gap: Gap;
  status: Status | undefined; // room.state or room.status is another
  grant: Grant;
  error: RefusedError | Failure['error'];
}

export type RoomState = 'joining' | 'live' | 'stale' | 'closed';

// Hub is what a room asks of its feed.
export interface Hub {
  ask(name: string): void; // subscribes by the next frame
  leave(room: Room<any, any>): void;
  move(room: Room<any, any>, name: string): void;
  linked(): boolean;
}

// Topic is one room of the connection: its chain and its state, for all who hold it.
export class Topic {
  readonly chain = new Chain();
  readonly rooms = new Set<Room<any, any>>(); // those of its name, and of the patterns that match it
  readonly state: State<unknown>;
  grant: Grant | undefined;
  known = false; // it has had a snapshot
  ts: number | undefined; // of the newest message
  status: RoomStatus = 'live';
  reason = '';

  constructor(readonly name: string, keep: number) {
    this.state = stateOf(parseRoom(name)?.channel ?? '', keep);
  }

  get value(): unknown {
    return this.known ? this.state.value : undefined;
  }

  // snapshot is the state now, as the server would tell it.
  snapshot(): Snapshot | undefined {
    const { epoch, seq } = this.chain;
    if (!this.known) return undefined;
    return { t: 'snapshot', room: this.name, epoch, seq, ...(this.ts === undefined ? {} : { ts: this.ts }), d: this.state.value };
  }
}

// Room is one that was asked for: its value is kept as the server's, and its events are the server's messages. Several of the
// same name share one subscription, at the quickest of their intervals. A pattern, as ticker:BINANCE:*, is a room
// whose value is a map of the rooms that it brought.
export class Room<V = unknown, D = unknown> extends Emitter<RoomEvents<V, D>> implements AsyncIterable<RoomEvent<D>> {
  readonly members = new Map<string, Topic>(); // by name; one, but for patterns
  private readonly readers = new Set<Reader<D>>();
  private ended = false;
  error: RefusedError | undefined; // why it was refused

  constructor(private readonly hub: Hub, public name: string, public options: RoomOptions) {
    super();
  }

  get pattern(): boolean {
    return isPattern(this.name);
  }

  private get topic(): Topic | undefined {
    return this.members.get(this.name);
  }

  // value is what the room is now, frozen: the same object until something changes. undefined before the first snapshot.
  get value(): V | undefined {
    if (!this.pattern) return this.topic?.value as V | undefined;
    const map = new Map<string, unknown>();
    for (const [name, topic] of this.members) if (topic.known) map.set(name, topic.value);
    return map as V;
  }

  get seq(): number {
    return this.topic?.chain.seq ?? 0;
  }

  get epoch(): string {
    return this.topic?.chain.epoch ?? '';
  }

  // ts is the log's time of the newest message, µs.
  get ts(): number | undefined {
    return this.topic?.ts;
  }

  // granted is the interval that the server granted.
  get granted(): string | undefined {
    return this.topic?.grant?.interval;
  }

  get grant(): Grant | undefined {
    return this.topic?.grant;
  }

  // status is the server's word on the room, and reason why it is so.
  get status(): RoomStatus | undefined {
    return this.topic?.grant && this.topic.status;
  }

  get reason(): string {
    return this.topic?.reason ?? '';
  }

  // state is "live" while the value is the server's, and "stale" while it may not be: the connection is away, the room's
  // source is, or something was lost and its snapshot has not come yet.
  get state(): RoomState {
    if (this.ended) return 'closed';
    const { topic } = this;
    if (!topic?.known) return this.pattern && this.members.size > 0 ? 'live' : 'joining';
    const good = this.hub.linked() && topic.chain.state === 'good' && topic.status !== 'stale' && topic.status !== 'down';
    return good ? 'live' : 'stale';
  }

  // configure changes the interval in place. Another depth is another room: the book of before stays until the new one's
  // snapshot comes.
  configure(options: BookOptions): void {
    const { depth, ...rest } = options;
    this.options = { ...this.options, ...rest };
    const parsed = parseRoom(this.name);
    if (this.ended || !parsed) return;
    const variant = 'depth' in options ? (depth ? String(depth) : '') : parsed.variant;
    const name = `${parsed.channel}:${parsed.venue}:${parsed.symbol}${variant ? '@' + variant : ''}`;
    if (name !== this.name) this.hub.move(this, name);
    else this.hub.ask(name);
  }

  close(): void {
    if (this.ended) return;
    this.ended = true;
    this.hub.leave(this);
    for (const reader of [...this.readers]) reader.end();
    this.emit('status', undefined);
  }

  // A room may be read by several "for await" at once; each begins with the state as it is.
  [Symbol.asyncIterator](): AsyncIterableIterator<RoomEvent<D>> {
    const topic = this.topic;
    const reader = new Reader<D>(
      this.options.buffer ?? 1024,
      () => (this.topic?.chain.loss === 'fold' ? (this.topic.snapshot() as Snapshot<D>) : undefined),
      (reader) => this.readers.delete(reader),
    );
    const begin = topic?.snapshot();
    if (begin) reader.push(begin as Snapshot<D>);
    if (this.ended) reader.end();
    else this.readers.add(reader);
    return reader;
  }

  // now is the state as a snapshot, as the server would tell it.
  now(): Snapshot<D> | undefined {
    return this.topic?.snapshot() as Snapshot<D> | undefined;
  }

  // What follows is called by the feed.

  tell(event: Snapshot | Update | Gap | Status): void {
    for (const reader of this.readers) reader.push(event as RoomEvent<D>);
    this.emit(event.t, event as never);
    if (event.t === 'snapshot' || event.t === 'update') this.emit('change', this);
  }

  granting(grant: Grant): void {
    this.emit('grant', grant);
    this.emit('status', undefined);
  }

  restate(): void {
    this.emit('status', undefined);
  }

  refused(message: Refusal): void {
    const error = new RefusedError(message);
    if (!error.retry) {
      this.error = error;
      for (const reader of this.readers) reader.push({ t: 'error', room: this.name, error });
    }
    this.emit('error', error);
    if (!error.retry) this.close();
  }
}

// quickest of the intervals that a topic's rooms want; undefined where none says one.
export function quickest(topics: Iterable<Room<any, any>>): string | undefined {
  let best: string | undefined;
  for (const { options } of topics) {
    const { interval } = options;
    if (interval === undefined) continue;
    if (best === undefined || millis(interval) < millis(best)) best = interval;
  }
  return best;
}
