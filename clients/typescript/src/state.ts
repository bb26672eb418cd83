// What is known of a room, kept from its snapshots and updates. A view is made when somebody looks, is frozen, and stays
// the same object until something changes: who draws sixty times a second copies sixty times, not at each update.

import { compare } from './decimal.js';
import type { Book, Candle, Level, Quote, Ticker, Trade } from './messages.js';

export interface State<V> {
  replace(d: unknown): void; // the body of a snapshot
  apply(d: unknown): void; // the body of an update
  readonly value: V;
}

// Values by channel.
export interface Values {
  trades: readonly Trade[]; // the last ones, oldest first
  quotes: Quote;
  book: Book;
  ticker: Ticker;
  candles: readonly Candle[]; // oldest first
}

// stateOf returns the state for a channel; keep is how many trades or candles it holds.
export function stateOf(channel: string, keep: number): State<unknown> {
  switch (channel) {
    case 'trades': return new TradesState(keep);
    case 'quotes': return new FieldsState(true);
    case 'ticker': return new FieldsState(false);
    case 'book': return new BookState();
    case 'candles': return new CandlesState(keep);
    default: return new RawState();
  }
}

class TradesState implements State<readonly Trade[]> {
  private list: Trade[] = [];
  private view: readonly Trade[] | undefined;

  constructor(private readonly keep: number) {}

  replace(d: unknown): void {
    this.list = [];
    this.apply(d);
  }

  apply(d: unknown): void {
    for (const trade of d as Trade[]) this.list.push(Object.freeze(trade));
    if (this.list.length > 2 * this.keep) this.list = this.list.slice(-this.keep);
    this.view = undefined;
  }

  get value(): readonly Trade[] {
    return (this.view ??= Object.freeze(this.list.slice(-this.keep)));
  }
}

// FieldsState is of quotes, which come whole, and of tickers, which come as fields that changed. null: gone.
class FieldsState implements State<Quote | Ticker> {
  value: Readonly<Record<string, unknown>> = Object.freeze({});

  constructor(private readonly whole: boolean) {}

  replace(d: unknown): void {
    this.value = {};
    this.apply(d);
  }

  apply(d: unknown): void {
    const next: Record<string, unknown> = this.whole ? {} : { ...this.value };
    for (const [field, value] of Object.entries(d as object)) {
      if (value === null) delete next[field];
      else next[field] = value;
    }
    this.value = Object.freeze(next);
  }
}

class CandlesState implements State<readonly Candle[]> {
  private list: Candle[] = [];
  private view: readonly Candle[] | undefined;

  constructor(private readonly keep: number) {}

  replace(d: unknown): void {
    this.list = [];
    this.apply(d);
  }

  apply(d: unknown): void {
    for (const candle of d as Candle[]) this.put(Object.freeze(candle));
    if (this.list.length > 2 * this.keep) this.list = this.list.slice(-this.keep);
    this.view = undefined;
  }

  // put looks from the end: nearly every candle is the newest.
  private put(candle: Candle): void {
    let at = this.list.length;
    while (at > 0 && this.list[at - 1]!.start > candle.start) at--;
    if (at > 0 && this.list[at - 1]!.start === candle.start) this.list[at - 1] = candle;
    else this.list.splice(at, 0, candle);
  }

  get value(): readonly Candle[] {
    return (this.view ??= Object.freeze(this.list.slice(-this.keep)));
  }
}

class RawState implements State<unknown> {
  value: unknown;
  replace(d: unknown): void {
    this.value = d;
  }
  apply(d: unknown): void {
    this.value = d;
  }
}

export class BookState implements State<Book> {
  private readonly bids = new Side(-1);
  private readonly asks = new Side(1);
  private view: Book | undefined;

  replace(d: unknown): void {
    const { bids = [], asks = [] } = d as Partial<Book>;
    this.bids.replace(bids);
    this.asks.replace(asks);
    this.view = undefined;
  }

  apply(d: unknown): void {
    const { bids = [], asks = [] } = d as Partial<Book>;
    for (const level of bids) this.bids.put(level);
    for (const level of asks) this.asks.put(level);
    this.view = undefined;
  }

  get value(): Book {
    return (this.view ??= Object.freeze({ bids: this.bids.value, asks: this.asks.value }));
  }
}

// Side is one side of a book, best first: up is 1 where the best is the least.
class Side {
  private levels: Level[] = [];
  private view: readonly Level[] | undefined;

  constructor(private readonly up: 1 | -1) {}

  replace(levels: readonly Level[]): void {
    this.levels = [];
    this.view = undefined;
    for (const level of levels) this.put(level);
  }

  // put takes a level as it is now. A quantity of "0", exactly that, removes; a client never cuts by itself.
  put(level: Level): void {
    const at = this.place(level[0]);
    const there = at < this.levels.length && compare(this.levels[at]![0], level[0]) === 0;
    if (level[1] !== '0') this.levels.splice(at, there ? 1 : 0, Object.freeze(level));
    else if (there) this.levels.splice(at, 1);
    else return;
    this.view = undefined;
  }

  // place is where a price is, or would be.
  private place(price: string): number {
    let low = 0;
    let high = this.levels.length;
    if (high > 0 && this.up * compare(this.levels[high - 1]![0], price) < 0) return high; // as in a snapshot
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.up * compare(this.levels[middle]![0], price) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  get value(): readonly Level[] {
    return (this.view ??= Object.freeze(this.levels.slice()));
  }
}
