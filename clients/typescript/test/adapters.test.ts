import { createElement as h, StrictMode } from 'react';
import { renderToString } from 'react-dom/server';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Candle } from '../src/index.js';
import { attachCandles } from '../src/lightweight-charts.js';
import { useBook, useCandles, useFeedState, useTrades } from '../src/react.js';
import { Datafeed, type SymbolInfo, type TradingViewBar } from '../src/tradingview.js';
import { demo, open, until, type Server } from './servers.js';

let server: Server;
beforeAll(async () => void (server = await demo()));
afterAll(() => server.stop());

test('TradingView: a symbol is found, its bars and their stream meet without a seam', async () => {
  const feed = open(server.url);
  const datafeed = new Datafeed(feed);
  const configuration = await new Promise<any>((resolve) => datafeed.onReady(resolve));
  expect(configuration.supported_resolutions).toEqual(['1', '5', '15', '60', '240', '1D']);
  await until(() => feed.hello);
  const found = await new Promise<any[]>((resolve) => datafeed.searchSymbols('btc-usdt', 'BINANCE', '', resolve));
  const info = await new Promise<SymbolInfo>((resolve, reject) => datafeed.resolveSymbol(found[0].ticker, resolve, reject));
  expect(info).toMatchObject({ ticker: 'BINANCE:BTC-USDT', session: '24x7', has_intraday: true });
  await expect(new Promise((resolve, reject) => datafeed.resolveSymbol('NO:SUCH', resolve, reject))).rejects.toMatch(/unknown symbol/);

  const to = Math.floor(Date.now() / 1000) + 60;
  const bars = await new Promise<TradingViewBar[]>((resolve, reject) => datafeed.getBars(info, '1', { from: to - 3600, to, countBack: 60, firstDataRequest: true }, resolve, reject));
  expect(bars.length).toBeGreaterThan(0);
  const ticks: TradingViewBar[] = [];
  datafeed.subscribeBars(info, '1', (bar) => ticks.push(bar), 'a');
  await until(() => ticks.length >= 3, 'ticks');
  expect(ticks[0]!.time).toBeGreaterThanOrEqual(bars.at(-1)!.time);
  const times = [...bars, ...ticks].map((bar) => bar.time);
  expect(times).toEqual([...times].sort((a, b) => a - b));
  datafeed.unsubscribeBars('a');
  const { length } = ticks;
  datafeed.subscribeBars(info, '1', () => {}, 'b');
  datafeed.close();
  expect(ticks).toHaveLength(length);
  await until(() => feed.state === 'open');
  feed.close();
});

test('lightweight-charts: a series has the room’s candles, whenever it is attached', async () => {
  const feed = open(server.url);
  const room = feed.candles('BINANCE:BTC-USDT', '1m');
  await until(() => room.value?.length);
  const drawn = new Map<number, any>();
  let last = 0;
  const series = {
    setData: (bars: any[]) => {
      drawn.clear();
      for (const bar of bars) drawn.set((last = bar.time), bar);
    },
    update: (bar: any, past?: boolean) => {
      expect(past ?? false).toBe(bar.time < last); // a chart throws otherwise
      drawn.set(bar.time, bar);
      last = Math.max(last, bar.time);
    },
  };
  const off = attachCandles(series, room);
  let updates = 0;
  room.on('update', () => void updates++);
  await until(() => updates > 3);
  const wanted = (candle: Candle) => ({ time: candle.start / 1e6, open: +candle.o, high: +candle.h, low: +candle.l, close: +candle.c });
  expect([...drawn.values()]).toEqual(room.value!.map(wanted));
  off();
  feed.close();
});

test('React: hooks render on a server, with nothing yet', () => {
  const feed = open(server.url);
  const Page = () => {
    const book = useBook(feed, 'BINANCE:BTC-USDT', { depth: 5 });
    const trades = useTrades(feed, 'BINANCE:BTC-USDT');
    const candles = useCandles(feed, 'BINANCE:BTC-USDT', '1m');
    return h('p', null, `${useFeedState(feed)} ${book.state} ${trades.value?.length ?? 0} ${candles.state}`);
  };
  expect(renderToString(h(StrictMode, null, h(Page)))).toBe('<p>connecting joining 0 joining</p>');
  feed.close();
});
