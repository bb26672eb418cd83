// A candles room on a series of lightweight-charts. Charts reckon in floats: what they are given is for the eye alone.

import type { Candle } from './messages.js';
import type { Room } from './room.js';

export interface Bar {
  time: number; // s
  open: number;
  high: number;
  low: number;
  close: number;
}

// Series is what is needed of a candlestick, bar or histogram series.
export interface Series {
  setData(data: any[]): void;
  update(bar: any, historicalUpdate?: boolean): void;
}

export interface AttachOptions {
  volume?: Series; // a histogram
  up?: string; // colours of its columns
  down?: string;
}

export const barOf = (candle: Candle): Bar => ({
  time: candle.start / 1e6,
  open: Number(candle.o),
  high: Number(candle.h),
  low: Number(candle.l),
  close: Number(candle.c),
});

// attachCandles keeps a series equal to a room. What it returns ends that; the room stays the caller's.
export function attachCandles(series: Series, room: Room<readonly Candle[], Candle[]>, options: AttachOptions = {}): () => void {
  const { volume, up = '#26a69a80', down = '#ef535080' } = options;
  const column = (candle: Candle) => ({ time: candle.start / 1e6, value: Number(candle.v), color: Number(candle.c) < Number(candle.o) ? down : up });
  let last = 0; // start of the newest that was drawn
  const all = () => {
    const candles = (room.value ?? []).filter((candle) => candle.o !== undefined);
    series.setData(candles.map(barOf));
    volume?.setData(candles.map(column));
    last = candles.at(-1)?.start ?? 0;
  };
  const some = (candles: Candle[]) => {
    // One between those that are drawn, as where no trade was at first, cannot be put there.
    const known = new Set((room.value ?? []).map((candle) => candle.start));
    if (candles.some((candle) => candle.start < last && !known.has(candle.start))) return all();
    for (const candle of candles) {
      const past = candle.start < last;
      series.update(barOf(candle), past);
      volume?.update(column(candle), past);
      last = Math.max(last, candle.start);
    }
  };
  if (room.value) all();
  const off = [room.on('snapshot', all), room.on('update', (message) => some(message.d))];
  return () => {
    for (const undo of off) undo();
  };
}
