// A datafeed for TradingView's charting library: history and stream are one candles room, so that no bar is missing or doubled
// between them; what lies before the room's first candle is asked of the server's /udf/history.

import type { Feed } from './feed.js';
import type { Candle } from './messages.js';
import { millis } from './names.js';
import type { Room } from './room.js';

export interface TradingViewBar {
  time: number; // ms
  open: number;
  high: number;
  low: number;
  close: number;
  volume: number;
}

export interface SymbolInfo {
  name: string;
  ticker: string; // VENUE:SYMBOL
  description: string;
  type: string;
  session: string;
  timezone: string;
  exchange: string;
  listed_exchange: string;
  format: string;
  minmov: number;
  pricescale: number;
  has_intraday: boolean;
  has_daily: boolean;
  supported_resolutions: string[];
  volume_precision: number;
  data_status: string;
}

export interface Period {
  from: number; // s
  to: number;
  countBack?: number;
  firstDataRequest?: boolean;
}

interface Instrument {
  venue: string;
  symbol: string;
  native: string;
  kind: string;
  tick?: string;
  lot?: string;
}

interface Subscription {
  room: Room<readonly Candle[], Candle[]>;
  off: (() => void)[];
}

export class Datafeed {
  private instruments: Promise<Instrument[]> | undefined;
  private readonly rooms = new Map<string, Room<readonly Candle[], Candle[]>>();
  private readonly subscriptions = new Map<string, Subscription>();

  // wait is how long a chart waits for a room that gives no snapshot, ms.
  constructor(private readonly feed: Feed, private readonly wait = 10_000) {}

  onReady(callback: (configuration: object) => void): void {
    void this.offers().then(async (supported_resolutions) => {
      const venues = [...new Set((await this.list().catch(() => [])).map((i) => i.venue))];
      const exchanges = [{ value: '', name: 'All', desc: '' }, ...venues.map((venue) => ({ value: venue, name: venue, desc: venue }))];
      callback({ supported_resolutions, exchanges, symbols_types: [], supports_time: true, supports_marks: false, supports_timescale_marks: false });
    });
  }

  searchSymbols(input: string, exchange: string, _type: string, result: (list: object[]) => void): void {
    const words = input.toUpperCase();
    this.list().then(
      (list) =>
        result(
          list
            .filter((i) => (!exchange || i.venue === exchange) && `${i.venue}:${i.symbol} ${i.native}`.toUpperCase().includes(words))
            .slice(0, 50)
            .map((i) => ({ symbol: i.symbol, full_name: ticker(i), ticker: ticker(i), description: i.native, exchange: i.venue, type: typeOf(i) })),
        ),
      () => result([]),
    );
  }

  resolveSymbol(name: string, resolved: (info: SymbolInfo) => void, failed: (reason: string) => void): void {
    Promise.all([this.list(), this.offers()]).then(
      ([list, resolutions]) => {
        const found = list.find((i) => ticker(i) === name) ?? list.find((i) => i.symbol === name);
        if (found) resolved(info(found, resolutions));
        else failed(`unknown symbol ${name}: give one as VENUE:SYMBOL, of those that /v1/symbols lists`);
      },
      (error) => failed(String(error)),
    );
  }

  getBars(symbol: SymbolInfo, resolution: string, period: Period, result: (bars: TradingViewBar[], meta: { noData: boolean }) => void, failed: (reason: string) => void): void {
    this.bars(symbol, resolution, period).then((bars) => result(bars, { noData: bars.length === 0 }), (error) => failed(String(error)));
  }

  // subscribeBars goes on where getBars ended. A gap or a new snapshot may change what the chart has drawn, which reset makes
  // it ask for again.
  subscribeBars(symbol: SymbolInfo, resolution: string, tick: (bar: TradingViewBar) => void, uid: string, reset?: () => void): void {
    this.unsubscribeBars(uid);
    const room = this.feed.candles(symbol.ticker, widthOf(resolution));
    let begun = room.value !== undefined;
    let last = room.value?.at(-1)?.start ?? 0;
    for (const candle of room.value?.slice(-1) ?? []) tick(barOf(candle));
    const off = [
      room.on('snapshot', ({ d }) => {
        last = d.at(-1)?.start ?? last;
        if (begun) reset?.();
        begun = true;
        for (const candle of d.slice(-1)) tick(barOf(candle));
      }),
      room.on('update', ({ d }) => {
        if (d.some((candle) => candle.start < last)) reset?.(); // a chart takes no bar of its past
        for (const candle of d) if (candle.start >= last) tick(barOf(candle));
        last = Math.max(last, d.at(-1)?.start ?? 0);
      }),
    ];
    this.subscriptions.set(uid, { room, off });
  }

  unsubscribeBars(uid: string): void {
    const there = this.subscriptions.get(uid);
    this.subscriptions.delete(uid);
    for (const undo of there?.off ?? []) undo();
    there?.room.close();
  }

  getServerTime(callback: (seconds: number) => void): void {
    callback(Math.floor(this.feed.serverTime() / 1e6));
  }

  // close leaves every room; the feed stays the caller's.
  close(): void {
    for (const uid of [...this.subscriptions.keys()]) this.unsubscribeBars(uid);
    for (const room of this.rooms.values()) room.close();
    this.rooms.clear();
  }

  private async bars(symbol: SymbolInfo, resolution: string, period: Period): Promise<TradingViewBar[]> {
    const candles = await this.candles(symbol.ticker, widthOf(resolution));
    const held = candles.filter((candle) => candle.o !== undefined && candle.start < period.to * 1e6);
    const within = held.filter((candle) => candle.start >= period.from * 1e6);
    // More are wanted than lie between from and to where the market paused.
    const bars = (within.length < (period.countBack ?? 0) ? held.slice(-period.countBack!) : within).map(barOf);
    const first = Math.min((candles[0]?.start ?? Infinity) / 1e6, period.to);
    if (period.from >= first) return bars;
    return [...(await this.older(symbol.ticker, resolution, { ...period, to: first })), ...bars];
  }

  // candles are those of a room that is kept for the chart: it asks for one stretch after the other.
  private async candles(symbol: string, width: string): Promise<readonly Candle[]> {
    const key = `${symbol} ${width}`;
    let room = this.rooms.get(key);
    if (!room || room.state === 'closed') this.rooms.set(key, (room = this.feed.candles(symbol, width, { interval: '1s' })));
    if (room.value) return room.value;
    const found = room;
    return new Promise((resolve, reject) => {
      const end = (settle: () => void) => {
        clearTimeout(timer);
        for (const undo of off) undo();
        settle();
      };
      const timer = setTimeout(() => end(() => reject(new Error(`no candles of ${symbol}: the room is ${found.state}`))), this.wait);
      const off = [found.on('snapshot', () => end(() => resolve(found.value ?? []))), found.on('error', (error) => end(() => reject(error)))];
    });
  }

  private async older(symbol: string, resolution: string, period: Period): Promise<TradingViewBar[]> {
    const query = new URLSearchParams({ symbol, resolution, from: String(period.from), to: String(Math.floor(period.to)) });
    if (period.countBack) query.set('countback', String(period.countBack));
    const answer = await fetch(this.feed.http(`udf/history?${query}`)).catch(() => undefined);
    if (!answer?.ok) return []; // a node without history
    const { s, t = [], o = [], h = [], l = [], c = [], v = [] } = (await answer.json()) as Record<string, any>;
    if (s !== 'ok') return [];
    return t.map((time: number, i: number) => ({ time: time * 1000, open: +o[i], high: +h[i], low: +l[i], close: +c[i], volume: +(v[i] ?? 0) })).filter((bar: TradingViewBar) => bar.time < period.to * 1000);
  }

  // list asks once, and again after a failure.
  private list(): Promise<Instrument[]> {
    this.instruments ??= fetch(this.feed.http('v1/symbols')).then(async (answer) => ((await answer.json()) as { symbols: Instrument[] }).symbols);
    this.instruments.catch(() => (this.instruments = undefined));
    return this.instruments;
  }

  private async offers(): Promise<string[]> {
    this.feed.connect();
    const { widths } = this.feed.hello ?? (await this.feed.once('hello'));
    return widths.map(resolutionOf);
  }
}

const ticker = (i: Instrument) => `${i.venue}:${i.symbol}`;
const typeOf = (i: Instrument) => (i.kind === 'spot' ? 'crypto' : 'futures');
const decimals = (step: string | undefined, otherwise: number) => (step === undefined ? otherwise : (step.replace(/0+$/, '').split('.')[1] ?? '').length);

function info(i: Instrument, supported_resolutions: string[]): SymbolInfo {
  return {
    name: i.symbol, ticker: ticker(i), description: i.native, type: typeOf(i), session: '24x7', timezone: 'Etc/UTC',
    exchange: i.venue, listed_exchange: i.venue, format: 'price', minmov: 1, pricescale: 10 ** decimals(i.tick, 2),
    has_intraday: true, has_daily: supported_resolutions.includes('1D'), supported_resolutions, volume_precision: decimals(i.lot, 4), data_status: 'streaming',
  };
}

// TradingView writes minutes as a number, and days as "1D".
const resolutionOf = (width: string) => (width.endsWith('d') ? `${width.slice(0, -1)}D` : String(millis(width) / 60_000));

function widthOf(resolution: string): string {
  if (/^\d*D$/.test(resolution)) return `${parseInt(resolution) || 1}d`;
  const minutes = Number(resolution);
  return minutes % 60 === 0 ? `${minutes / 60}h` : `${minutes}m`;
}

const barOf = (candle: Candle): TradingViewBar => ({
  time: candle.start / 1000,
  open: Number(candle.o),
  high: Number(candle.h),
  low: Number(candle.l),
  close: Number(candle.c),
  volume: Number(candle.v),
});
