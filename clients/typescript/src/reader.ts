import type { Gap, Snapshot, Status, Update } from './messages.js';
import type { RefusedError } from './errors.js';

// Failure ends a room: it was refused for good.
export interface Failure {
  t: 'error';
  room: string;
  error: RefusedError;
}

export type RoomEvent<D = unknown> = Snapshot<D> | Update<D> | Gap | Status | Failure;

// Reader is one "for await" over a room's events. It holds up to limit of them; what it had to drop for a slow reader it
// tells by a gap of reason "buffer", in its place. In a room where only the newest state matters (now) all that was held is
// dropped, and the state comes after the gap; in the others the oldest events are.
export class Reader<D> implements AsyncIterableIterator<RoomEvent<D>> {
  private held: RoomEvent<D>[] = [];
  private head = 0;
  private lost: Gap | undefined;
  private wake: ((result: IteratorResult<RoomEvent<D>>) => void) | undefined;
  private ended = false;

  // now returns the state as a snapshot where that makes up for what was lost, else undefined; over is called at the end.
  constructor(private readonly limit: number, private readonly now: () => Snapshot<D> | undefined, private readonly over: (reader: Reader<D>) => void) {}

  push(event: RoomEvent<D>): void {
    if (this.ended) return;
    if (this.wake) {
      this.wake({ value: event, done: false });
      this.wake = undefined;
      return;
    }
    this.held.push(event);
    if (this.held.length - this.head > this.limit) this.drop();
  }

  private drop(): void {
    const all = this.now() !== undefined;
    do this.lose(this.held[this.head++]!);
    while (all && this.head < this.held.length);
    if (this.head > this.limit || this.head === this.held.length) {
      this.held = this.held.slice(this.head);
      this.head = 0;
    }
  }

  // lose counts an event to what the next gap tells. n is left out where a count is not known.
  private lose(event: RoomEvent<D>): void {
    if (event.t === 'status' || event.t === 'error') return;
    const count = event.t === 'snapshot' ? (Array.isArray(event.d) ? event.d.length : 1) : event.n;
    const from = event.t === 'update' ? event.prev : event.t === 'gap' ? event.from : 0;
    const to = event.t === 'gap' ? event.to : event.seq;
    const gap = (this.lost ??= { t: 'gap', room: event.room, epoch: '', from, to, n: 0, reason: 'buffer' });
    gap.to = to;
    if ('epoch' in event) gap.epoch = event.epoch;
    if (count === undefined) delete gap.n;
    else if (gap.n !== undefined) gap.n += count;
  }

  next(): Promise<IteratorResult<RoomEvent<D>>> {
    if (this.lost) {
      const gap = this.lost;
      this.lost = undefined;
      const state = this.now();
      if (state) {
        this.held = [state];
        this.head = 0;
      }
      return Promise.resolve({ value: gap, done: false });
    }
    if (this.head < this.held.length) {
      const value = this.held[this.head++]!;
      if (this.head === this.held.length) {
        this.held = [];
        this.head = 0;
      }
      return Promise.resolve({ value, done: false });
    }
    if (this.ended) return Promise.resolve({ value: undefined, done: true });
    return new Promise((resolve) => (this.wake = resolve));
  }

  // end lets what is held be read, and nothing more.
  end(): void {
    this.ended = true;
    this.wake?.({ value: undefined, done: true });
    this.wake = undefined;
    this.over(this);
  }

  return(): Promise<IteratorResult<RoomEvent<D>>> {
    this.held = [];
    this.head = 0;
    this.lost = undefined;
    this.end();
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
