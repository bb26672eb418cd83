import { afterAll, beforeAll, expect, test } from 'vitest';
import { connect, type Replay, type Trade } from '../src/index.js';
import { pause, Proxy, socketClass, start, until, type Server } from './servers.js';

const symbol = 'BINANCE:BTC-USDT';
let server: Server;
let from: number;
let to: number;
let ids: string[]; // of all trades, by /v1/history

beforeAll(async () => {
  server = await start('replay', 'demo', '--length', '1m', '--listen', '127.0.0.1:0');
  const { logs } = await server.get<{ logs: { from: number; to: number }[] }>('v1/archive');
  from = Math.min(...logs.map((log) => log.from));
  to = Math.max(...logs.map((log) => log.to));
  const lines = await (await fetch(`http://${server.host}/v1/history?rooms=trades:${symbol}&from=${from}`)).text();
  ids = lines.trim().split('\n').map((line) => JSON.parse(line)).flatMap((m) => (m.t === 'update' || m.t === 'snapshot' ? m.d.map((trade: Trade) => trade.id) : []));
});
afterAll(() => server.stop());

const replay = (what: object, url = server.url): Replay => connect(url, { WebSocket: socketClass, backoff: { first: 10, longest: 50 } }).replay({ from, ...what });

function tape(feed: Replay): string[] {
  const seen: string[] = [];
  const room = feed.trades(symbol);
  room.on('snapshot', ({ d }) => void seen.push(...d.map((trade) => trade.id)));
  room.on('update', ({ d }) => void seen.push(...d.map((trade) => trade.id)));
  return seen;
}

test('at full speed: every trade once, up to the end', async () => {
  const feed = replay({ speed: 'max' });
  const seen = tape(feed);
  await until(() => feed.phase === 'end', 'the end');
  expect(ids.length).toBeGreaterThan(50);
  expect(seen).toEqual(ids);
  feed.close();
});

test('it is steered: pause, step, speed, seek, play', async () => {
  const feed = replay({ speed: 5 });
  const book = feed.book(symbol, { depth: 5 });
  await until(() => book.state === 'live');
  await feed.pause();
  await until(() => feed.phase === 'paused');
  const { seq } = book;
  await pause(300);
  expect(book.seq).toBe(seq);
  await feed.step(200);
  await until(() => book.seq > seq, 'a step to be seen');
  const middle = Math.round((from + to) / 2);
  await feed.seek(middle);
  await until(() => Math.abs(book.ts! - middle) < 5e6, 'the book of then');
  expect(book.state).toBe('live');
  await feed.seek(from + 10e6);
  await until(() => Math.abs(book.ts! - from - 10e6) < 5e6, 'the book of an earlier time');
  await feed.speed('max');
  await feed.play();
  await until(() => feed.phase === 'end', 'the end');
  await expect(feed.speed(1e6)).rejects.toMatchObject({ code: 'bad_request' });
  expect(feed.stats.broken).toBe(0);
  feed.close();
});

test('a replay whose connection is cut goes on where it was: every trade once', async () => {
  const proxy = await Proxy.open(server.host);
  const feed = replay({ speed: 20 }, proxy.url);
  const seen = tape(feed);
  for (let cut = 0; cut < 5; cut++) {
    const { length } = seen;
    await until(() => seen.length > length || feed.phase === 'end', 'trades');
    proxy.cut();
    await until(() => feed.stats.connects === cut + 2, 'another connection');
  }
  await until(() => feed.phase === 'end', 'the end');
  expect(seen).toEqual(ids);
  expect(feed.stats).toMatchObject({ connects: 6, broken: 0 });
  feed.close();
  proxy.close();
});

test('what was wished while there was no connection holds for the next', async () => {
  const proxy = await Proxy.open(server.host);
  const feed = replay({ speed: 1 }, proxy.url);
  const book = feed.book(symbol, { depth: 5 });
  await until(() => book.state === 'live');
  proxy.refusing = true;
  proxy.cut();
  await until(() => feed.state !== 'open');
  await feed.pause();
  const middle = Math.round((from + to) / 2);
  await feed.seek(middle);
  proxy.refusing = false;
  await until(() => book.state === 'live' && feed.phase === 'paused', 'to be paused there');
  expect(Math.abs(book.ts! - middle)).toBeLessThan(5e6);
  feed.close();
  proxy.close();
});
