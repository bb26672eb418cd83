// Against real servers: a broker with a market, nodes that are killed and drained, links that are cut and slow.

import { createServer } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { RefusedError, type LiveFeed, type Options, type Trade } from '../src/index.js';
import { demo, open, pause, Proxy, start, until, type Server } from './servers.js';

const symbol = 'BINANCE:BTC-USDT';
let market: Server; // has the broker
let brokers: string;
const cleanup: (() => void | Promise<void>)[] = [];

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

beforeAll(async () => {
  brokers = `127.0.0.1:${await freePort()}`;
  market = await demo('--broker', brokers, '--rate', '3');
});
afterAll(() => market.stop());
afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo();
});

function feedOf(url: string, options?: Options): LiveFeed {
  const feed = open(url, options);
  cleanup.push(() => feed.close());
  return feed;
}

// node is another streamer on the same topic.
async function node(listen: string): Promise<Server> {
  const server = await start('streamer', 'serve', '--brokers', brokers, '--feed', 'binance=md.raw.binance', '--listen', listen, '--admin', 'off', '--drain-spread', '100ms');
  cleanup.push(() => server.stop());
  for (;;) {
    if ((await fetch(`http://${server.host}/readyz`)).ok) return server;
    await pause(20);
  }
}

// tape takes down each trade that a feed tells, and how it was joined.
function tape(feed: LiveFeed) {
  const ids: string[] = [];
  const gaps: unknown[] = [];
  const room = feed.trades(symbol);
  const take = (trades: Trade[]) => void ids.push(...trades.map((trade) => trade.id));
  let snapshots = 0;
  room.on('snapshot', ({ d }) => void (snapshots++, take(d)));
  room.on('update', ({ d }) => take(d));
  room.on('gap', (gap) => void gaps.push(gap));
  return { room, ids, gaps, snapshots: () => snapshots };
}

// sameTrades holds what one feed was told against what an undisturbed one was.
async function sameTrades(disturbed: ReturnType<typeof tape>, calm: ReturnType<typeof tape>): Promise<void> {
  const last = await until(() => calm.ids.at(-1));
  await until(() => disturbed.ids.includes(last), 'the disturbed feed to catch up');
  expect(disturbed.gaps).toEqual([]);
  expect(disturbed.snapshots()).toBe(1);
  expect(new Set(disturbed.ids).size).toBe(disturbed.ids.length);
  const first = calm.ids.find((id) => disturbed.ids.includes(id))!;
  const part = (ids: string[]) => ids.slice(ids.indexOf(first), ids.indexOf(last) + 1);
  expect(part(disturbed.ids)).toEqual(part(calm.ids));
}

// sameBook waits for a moment in which the feed's book has the number of the server's, and compares them.
async function sameBook(feed: LiveFeed, server: Server, times = 5): Promise<void> {
  const views = new Map<number, unknown>();
  const room = feed.book(symbol);
  const off = room.on('change', () => void views.set(room.seq, room.value));
  for (let same = 0; same < times; ) {
    const snapshot = await server.get(`v1/snapshot/book:${symbol}`);
    await until(() => room.seq >= snapshot.seq, 'the book to be as new as the server’s');
    if (!views.has(snapshot.seq)) continue;
    expect(views.get(snapshot.seq)).toEqual(snapshot.d);
    same++;
  }
  off();
}

test('a link that is cut again and again: each trade once, the book the server’s', async () => {
  const calm = tape(feedOf(market.url));
  const proxy = await Proxy.open(market.host);
  cleanup.push(() => proxy.close());
  for (const encoding of ['json', 'msgpack'] as const) {
    const feed = feedOf(proxy.url, { encoding });
    const disturbed = tape(feed);
    const book = feed.book(symbol);
    await until(() => disturbed.room.state === 'live' && book.state === 'live', 'rooms to be live');
    for (let cut = 0; cut < 15; cut++) {
      await pause(Math.random() * 200);
      const stale = book.once('status').then(() => book.state);
      proxy.cut();
      expect(await stale).toBe('stale');
      await until(() => book.state === 'live', 'the book to be live again');
    }
    await sameTrades(disturbed, calm);
    await sameBook(feed, market);
    expect(feed.stats).toMatchObject({ broken: 0, connects: 16, gaps: 0 });
    feed.close();
  }
});

test('a node that is killed and started anew, and one that drains: each trade once, on whatever node', async () => {
  const calm = tape(feedOf(market.url));
  const port = await freePort();
  let server = await node(`127.0.0.1:${port}`);
  const feed = feedOf(server.url);
  const disturbed = tape(feed);
  const byes: string[] = [];
  feed.on('bye', (bye) => void byes.push(bye.reason));
  for (const signal of ['SIGKILL', 'SIGTERM', 'SIGKILL'] as const) {
    await until(() => disturbed.room.state === 'live', 'the room to be live');
    await server.stop(signal);
    server = await node(`127.0.0.1:${port}`);
  }
  await until(() => disturbed.room.state === 'live', 'the room to be live');
  await sameTrades(disturbed, calm);
  await sameBook(feed, server, 2);
  expect(byes).toHaveLength(1);
  expect(feed.stats.broken).toBe(0);
}, 120_000);

test('a link that is slow: what was asked for comes folded, and in the end the book is the server’s', async () => {
  const proxy = await Proxy.open(market.host);
  cleanup.push(() => proxy.close());
  const feed = feedOf(proxy.url);
  const book = feed.book(symbol);
  await until(() => book.state === 'live');
  proxy.slow(10_000);
  for (const other of ['ETH-USDT', 'SOL-USDT', 'XRP-USDT']) feed.book(`BINANCE:${other}`);
  await pause(3_000);
  proxy.slow(Infinity);
  await sameBook(feed, market);
  expect(feed.stats.broken).toBe(0);
});

test('a path that is gone while its socket stays open is noticed by the missing heartbeats', async () => {
  const proxy = await Proxy.open(market.host);
  cleanup.push(() => proxy.close());
  const feed = feedOf(proxy.url);
  const book = feed.book(symbol);
  await until(() => book.state === 'live');
  (feed as unknown as { link: { heartbeat: number } }).link.heartbeat = 400; // the server's are 10 s apart
  proxy.stalled = true;
  await until(() => feed.state !== 'open', 'the silence to be noticed');
  expect(feed.reason).toBe('no sign of life');
  proxy.stalled = false;
  await until(() => book.state === 'live', 'the book to be live again');
});

describe('wrong commands', () => {
  test('a room that there is not is told as a typed error, and the others live on', async () => {
    const feed = feedOf(market.url);
    const [book, wrong, also] = [feed.book(symbol), feed.room('nonsense:BINANCE:BTC-USDT'), feed.trades('NOWHERE:BTC-USDT')];
    const errors: unknown[] = [];
    feed.on('error', (error) => void errors.push(error));
    await until(() => wrong.state === 'closed' && also.state === 'closed' && book.state === 'live');
    expect(wrong.error).toBeInstanceOf(RefusedError);
    expect(wrong.error).toMatchObject({ code: 'unknown_room', room: 'nonsense:BINANCE:BTC-USDT', retry: false });
    expect(errors).toHaveLength(2);
    for await (const _ of wrong) throw new Error('a closed room has no events');
  });

  test('a command that is refused rejects', async () => {
    const feed = feedOf(market.url);
    await until(() => feed.state === 'open');
    await expect(feed.request('dance')).rejects.toMatchObject({ name: 'RefusedError', code: 'unknown_op' });
    await expect(feed.request('seek', { to: 'live' })).rejects.toMatchObject({ code: 'bad_request' });
    const answer = await feed.request('list');
    expect(answer.rooms).toEqual([]);
    expect(await feed.ping()).toBeGreaterThan(0);
  });

  test('too many commands: rooms that were refused for it come later', async () => {
    const feed = feedOf(market.url);
    await until(() => feed.state === 'open');
    let refused: unknown;
    for (let i = 0; i < 50 && !refused; i++) {
      const answers = await Promise.allSettled(Array.from({ length: 10 }, () => feed.request('list')));
      refused = answers.find((answer) => answer.status === 'rejected')?.reason;
    }
    expect(refused).toMatchObject({ code: 'rate_limited', retry: true });
    const book = feed.book(symbol);
    await until(() => book.state === 'live', 'the room in spite of the limit');
  });
});

test('settings change in place, and rooms of one name share one subscription', async () => {
  const feed = feedOf(market.url);
  const slow = feed.book(symbol, { depth: 5, interval: '1s' });
  await until(() => slow.state === 'live');
  expect(slow.granted).toBe('1s');
  const quick = feed.book(symbol, { depth: 5, interval: '100ms' });
  await until(() => slow.granted === '100ms', 'the quicker interval');
  expect(quick.value).toBe(slow.value);
  quick.close();
  slow.configure({ interval: '250ms' });
  await until(() => slow.granted === '250ms');
  slow.configure({ depth: 20 });
  expect(slow.value!.bids).toHaveLength(5); // until the snapshot
  await until(() => slow.value!.bids.length === 20, 'the deeper book');
  expect(slow.granted).toBe('250ms');
  const { rooms } = await feed.request('list');
  expect(rooms!.map((room) => room.room)).toEqual([`book:${symbol}@20`]);
  expect(feed.stats).toMatchObject({ connects: 1, broken: 0 });
});

test('for await gives the state and then its updates', async () => {
  const feed = feedOf(market.url);
  const seen: string[] = [];
  let seq = 0;
  for await (const event of feed.trades(symbol)) {
    seen.push(event.t);
    if (event.t === 'update') expect(event.prev).toBe(seq);
    if (event.t === 'snapshot' || event.t === 'update') seq = event.seq;
    if (seen.length > 10) break;
  }
  expect(seen[0]).toBe('snapshot');
  expect(new Set(seen.slice(1))).toEqual(new Set(['update']));
});
