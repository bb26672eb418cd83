// What is shown of one symbol: its book, its trades, its candles and its ticker, as rooms of a feed.

import type { Book, Candle, Feed, Room, Ticker, Trade } from '@tapedeck/client';
import { BookView } from './book.ts';
import { Chart } from './chart/chart.ts';
import * as decimal from './decimal.ts';
import { $, write } from './dom.ts';
import { Health, type Word } from './health.ts';
import * as names from './names.ts';
import { change, Price } from './price.ts';
import type { Entry } from './symbols.ts';
import { Tape } from './tape.ts';

export type Part = 'book' | 'tape' | 'candles' | 'ticker';

export interface Settings {
  interval: string;
  depth: string;
  width: string;
}

const taped = 50; // trades: as many as a snapshot has

// badge says in a panel's head how its room is, where that needs a word.
function badge(id: string, { text, kind }: Word): void {
  $(id).hidden = kind === 'live';
  $(id).dataset.kind = kind;
  write(id, text);
}

export class Instrument {
  private entry: Entry | undefined;
  private sizes = new decimal.Places();
  private last: Price | undefined;
  private settings: Settings = { interval: '', depth: '', width: '' };
  private book: Room<Book, Book> | undefined;
  private trades: Room<readonly Trade[], Trade[]> | undefined;
  private candles: Room<readonly Candle[], Candle[]> | undefined;
  private readonly ladder = new BookView();
  private readonly tape = new Tape(taped);
  readonly chart = new Chart();
  private readonly health = new Health(
    {
      now: () => performance.now(),
      later: (fn, ms) => {
        const timer = setTimeout(fn, ms);
        return () => clearTimeout(timer);
      },
    },
    (word) => {
      badge('book-state', word);
      $('book').classList.toggle('stale', word.kind === 'bad');
    },
  );

  // mark is called with what is to be drawn anew, told with the log's time of each message.
  constructor(private readonly mark: (part: Part) => void, private readonly told: (ts: number) => void) {}

  // title is what a tab says.
  get title(): string {
    return this.entry ? `${$('last').textContent} ${names.parts(this.entry.key).symbol} · Tapedeck` : 'Tapedeck';
  }

  get granted(): string | undefined {
    return this.book?.granted;
  }

  // show joins a symbol's rooms on a feed, and leaves those of the one before.
  show(feed: Feed, entry: Entry, settings: Settings): void {
    this.leave();
    this.entry = entry;
    this.settings = settings;
    this.sizes = new decimal.Places();
    this.last = new Price($('last'), entry.places);
    this.tape.clear();
    this.chart.clear();
    this.health.fresh();
    badge('tape-state', { text: '', kind: 'live' });
    const { venue, symbol } = names.parts(entry.key);
    write('symbol', symbol);
    write('venue', venue);
    this.followBook(feed, entry.key);
    this.followTrades(feed, entry.key);
    this.followCandles(feed, entry.key);
    for (const part of ['book', 'tape', 'ticker', 'candles'] as const) this.mark(part);
  }

  private followBook(feed: Feed, key: string): void {
    const { depth, interval } = this.settings;
    const room = (this.book = feed.book(key, { depth: Number(depth), interval }));
    room.on('change', () => this.mark('book'));
    room.on('snapshot', () => this.health.is('live'));
    room.on('update', (message) => this.told(message.ts));
    room.on('gap', (gap) => this.health.is('stale', gap.reason));
    room.on('grant', ({ state }) => this.health.is(state ?? 'live'));
    room.on('status', (status) => status && this.health.is(status.state, status.reason));
    room.on('error', (error) => badge('book-state', { text: error.message, kind: 'bad' }));
  }

  private followTrades(feed: Feed, key: string): void {
    const room = (this.trades = feed.trades(key, { interval: this.settings.interval, last: taped }));
    const changed = () => this.mark('tape');
    room.on('snapshot', (message) => {
      this.tape.clear();
      this.tape.add(message.d);
      changed();
    });
    room.on('update', (message) => {
      this.tape.add(message.d);
      this.told(message.ts);
      changed();
    });
    room.on('gap', (gap) => {
      this.tape.gap(gap);
      changed();
    });
    room.on('error', (error) => badge('tape-state', { text: error.message, kind: 'bad' }));
  }

  private followCandles(feed: Feed, key: string): void {
    this.candles = feed.candles(key, this.settings.width, { interval: this.settings.interval, last: 500 });
    this.candles.on('change', () => this.mark('candles'));
  }

  // configure changes what can be changed in place.
  configure(feed: Feed, settings: Settings): void {
    const { entry, settings: before } = this;
    this.settings = settings;
    if (!entry) return;
    if (settings.interval !== before.interval) {
      for (const room of [this.trades, this.candles]) room?.configure({ interval: settings.interval });
    }
    if (settings.interval !== before.interval || settings.depth !== before.depth) {
      this.book?.configure({ interval: settings.interval, depth: Number(settings.depth) });
    }
    if (settings.width !== before.width) {
      this.candles?.close();
      this.chart.clear();
      this.followCandles(feed, entry.key);
    }
  }

  leave(): void {
    for (const room of [this.book, this.trades, this.candles]) room?.close();
    this.book = this.trades = this.candles = undefined;
  }

  draw(parts: ReadonlySet<string>): void {
    const { entry } = this;
    if (!entry) return;
    if (parts.has('book')) this.ladder.show(this.book?.value, Number(this.settings.depth), entry.places, this.sizes);
    if (parts.has('tape')) this.tape.show(entry.places, this.sizes);
    if (parts.has('candles')) this.chart.show(this.candles?.value ?? [], entry.places);
    if (parts.has('tape') || parts.has('ticker')) this.head(entry, entry.ticker);
  }

  private head({ places }: Entry, ticker: Ticker | undefined): void {
    const moved = change(ticker);
    this.last?.show(this.tape.last ?? ticker?.last ?? undefined);
    write('change', moved?.text ?? '');
    $('change').className = moved?.way ?? '';
    for (const field of ['high', 'low'] as const) write(field, ticker?.[field] ? places.text(ticker[field]) : '–');
    write('volume', ticker?.volume ? decimal.brief(ticker.volume) : '–');
  }
}
