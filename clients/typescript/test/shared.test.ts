// The shared worker's parts on a real server, with message channels in place of the browser's.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { connect, type LiveFeed } from '../src/index.js';
import { Workshop } from '../src/shared-worker.js';
import type { SharedWorkerClass } from '../src/shared.js';
import { demo, Proxy, socketClass, until, type Server } from './servers.js';

let server: Server;
beforeAll(async () => void (server = await demo()));
afterAll(() => server.stop());

const symbol = 'BINANCE:BTC-USDT';

test('tabs share one socket, each with its own rooms, also over a cut', async () => {
  const proxy = await Proxy.open(server.host);
  const workshop = new Workshop({ WebSocket: socketClass, backoff: { first: 10, longest: 50 } });
  const Worker = class {
    port: MessagePort;
    constructor() {
      const { port1, port2 } = new MessageChannel();
      this.port = port1;
      workshop.welcome(port2 as never);
    }
  } as unknown as SharedWorkerClass;
  const tab = (): LiveFeed => connect(proxy.url, { shared: 'worker.js', SharedWorker: Worker });
  const [one, two] = [tab(), tab()];
  const books = [one, two].map((feed) => feed.book(symbol, { depth: 5 }));
  const trades = two.trades(symbol);
  await until(() => books.every((book) => book.state === 'live') && trades.value?.length, 'both tabs to have the book');
  const late = one.trades(symbol); // joined where another tab has it already
  const all = one.room<ReadonlyMap<string, object>>('ticker:BINANCE:*');
  await until(() => late.value?.length && all.value!.size > 5, 'rooms that come later');
  await until(() => books[0]!.seq === books[1]!.seq && books[0]!.seq > 0, 'one moment in both');
  expect(books[0]!.value).toEqual(books[1]!.value);
  expect(proxy.connections).toBe(1);

  proxy.cut();
  await until(() => one.state !== 'open' && two.state !== 'open', 'both to hear of the cut');
  await until(() => one.state === 'open' && books.every((book) => book.state === 'live'), 'both to be live again');
  const { seq } = books[1]!;
  await until(() => books[1]!.seq > seq, 'the book to go on');
  expect(one.stats.broken + two.stats.broken).toBe(0);
  expect(await two.ping()).toBeGreaterThanOrEqual(0);
  await expect(one.request('list')).rejects.toMatchObject({ code: 'unknown_op' });

  const wrong = two.room('nonsense:BINANCE:X');
  await until(() => wrong.state === 'closed' && wrong.error?.code === 'unknown_room', 'the refusal');
  one.close();
  const at = trades.seq;
  await until(() => trades.seq > at, 'the other tab to go on');
  two.close();
  proxy.close();
});
