import { afterAll, beforeAll, expect, test } from 'vitest';
import { demo, open, until, type Server } from './servers.js';

let server: Server;
beforeAll(async () => void (server = await demo()));
afterAll(() => server.stop());

for (const encoding of ['json', 'msgpack'] as const) {
  test(`rooms of every channel by ${encoding}`, async () => {
    const feed = open(server.url, { encoding });
    const trades = feed.trades('BINANCE:BTC-USDT');
    const quotes = feed.quotes('BINANCE:BTC-USDT');
    const book = feed.book('BINANCE:BTC-USDT', { depth: 5, interval: '100ms' });
    const ticker = feed.ticker('BINANCE:BTC-USDT');
    const candles = feed.candles('BINANCE:BTC-USDT', '1m');
    const all = feed.room<ReadonlyMap<string, object>>('ticker:BINANCE:*');
    await until(() => trades.value?.length && quotes.value?.bid && book.value?.bids[0] && ticker.value?.last && candles.value?.length, 'a value in each room');
    expect(book.value!.bids).toHaveLength(5);
    expect(book.granted).toBe('100ms');
    expect([trades, quotes, book, ticker, candles].map((room) => room.state)).toEqual(Array(5).fill('live'));
    await until(() => all.value!.size > 5, 'tickers of several symbols');
    await until(() => feed.latency !== undefined && feed.clockOffset !== undefined, 'the clocks to be compared');
    expect(feed.stats.broken).toBe(0);
    feed.close();
    expect(feed.state).toBe('closed');
  });
}
