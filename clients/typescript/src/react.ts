// Thin hooks: each shows a room's value, drawn at most once a frame, and leaves the room when nobody shows it any more.

import { useMemo, useSyncExternalStore } from 'react';
import type { Feed } from './feed.js';
import type { State } from './link.js';
import type { Book, Candle, Quote, Ticker, Trade } from './messages.js';
import type { BookOptions, Room, RoomOptions, RoomState } from './room.js';

export interface Shown<V> {
  value: V | undefined;
  state: RoomState; // "live" while value is the server's
}

const joining: Shown<never> = { value: undefined, state: 'joining' };

// frame calls draw before the next paint, or soon where there is none.
const frame = (draw: () => void): (() => void) => {
  if (typeof requestAnimationFrame !== 'function') {
    const timer = setTimeout(draw, 16);
    return () => clearTimeout(timer);
  }
  const handle = requestAnimationFrame(draw);
  return () => cancelAnimationFrame(handle);
};

// store is what React reads: shown stays the same object until something has changed.
function store<V>(join: () => Room<V, any>) {
  let shown: Shown<V> = joining;
  return {
    subscribe(draw: () => void): () => void {
      const room = join();
      let cancel: (() => void) | undefined;
      const look = () => {
        cancel = undefined;
        const { value, state } = room;
        if (value === shown.value && state === shown.state) return;
        shown = { value, state };
        draw();
      };
      const changed = () => {
        cancel ??= frame(look);
      };
      const off = [room.on('change', changed), room.on('status', changed)];
      changed();
      return () => {
        cancel?.();
        for (const undo of off) undo();
        room.close();
      };
    },
    get: () => shown,
  };
}

const nothing = () => joining;

// useRoom shows any room. key tells rooms apart: while it is the same, so is the room.
export function useRoom<V>(feed: Feed, key: string, join: () => Room<V, any>): Shown<V> {
  const { subscribe, get } = useMemo(() => store(join), [feed, key]);
  return useSyncExternalStore<Shown<V>>(subscribe, get, nothing);
}

export function useBook(feed: Feed, symbol: string, options: BookOptions = {}): Shown<Book> {
  return useRoom(feed, `book ${symbol} ${JSON.stringify(options)}`, () => feed.book(symbol, options));
}

export function useTrades(feed: Feed, symbol: string, options: RoomOptions = {}): Shown<readonly Trade[]> {
  return useRoom(feed, `trades ${symbol} ${JSON.stringify(options)}`, () => feed.trades(symbol, options));
}

export function useQuotes(feed: Feed, symbol: string, options: RoomOptions = {}): Shown<Quote> {
  return useRoom(feed, `quotes ${symbol} ${JSON.stringify(options)}`, () => feed.quotes(symbol, options));
}

export function useTicker(feed: Feed, symbol: string, options: RoomOptions = {}): Shown<Ticker> {
  return useRoom(feed, `ticker ${symbol} ${JSON.stringify(options)}`, () => feed.ticker(symbol, options));
}

export function useCandles(feed: Feed, symbol: string, width: string, options: RoomOptions = {}): Shown<readonly Candle[]> {
  return useRoom(feed, `candles ${symbol} ${width} ${JSON.stringify(options)}`, () => feed.candles(symbol, width, options));
}

// useFeedState shows how the connection is.
export function useFeedState(feed: Feed): State {
  return useSyncExternalStore((draw) => feed.on('state', draw), () => feed.state, () => 'connecting' as const);
}
