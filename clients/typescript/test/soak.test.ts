// Captured traffic at 100 times its speed through a link that is cut again and again: the book is the server's at random moments,
// and each trade comes once. "npm run soak" plays two hours of it, with 200 cuts.

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, expect, test } from 'vitest';
import WebSocket from 'ws';
import { connect, type Book, type Replay, type Trade } from '../src/index.js';
import { root } from './build.js';
import { pause, Proxy, socketClass, start, until, type Server } from './servers.js';

const data = join(process.env.TAPEDECK_DATA ?? join(root, '../shared/data'), 'sessions/hftbacktest');
const full = process.env.SOAK === 'full';
const speed = 100;
const probes = 6; // connections that look at the server's book: each may send some 10 commands a second
const kept = 4_000; // views of a book, so that one of an earlier moment can be compared

// Sessions of consecutive files: read one after the other they are one log.
const sessions = [
  { format: 'binance', symbol: 'BINANCE:BTC-USDT', files: ['spot_btcusdt_20240808', 'spot_btcusdt_20240809'] },
  { format: 'binance-usdm', symbol: 'BINANCE-USDM:BTC-USDT', files: ['usdm_btcusdt_20240718', 'usdm_btcusdt_20240719'] },
  { format: 'binance-usdm', symbol: 'BINANCE-USDM:ETH-USDT', files: ['usdm_ethusdt_20240718', 'usdm_ethusdt_20240719'] },
  { format: 'binance-usdm', symbol: 'BINANCE-USDM:BTC-USDT', files: ['usdm_btcusdt_20240808'] },
];

const folder = mkdtempSync(join(tmpdir(), 'tapedeck-soak-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const sum = { captured: 0, seconds: 0, moments: 0, passed: 0, cuts: 0, trades: 0, updates: 0, gaps: 0, snapshots: 0 };

// Watched keeps what the client's book was, by number.
class Watched {
  readonly views = new Map<number, Book>();
  readonly trades: string[] = [];

  constructor(readonly feed: Replay, symbol: string) {
    const book = feed.book(symbol);
    book.on('change', () => {
      this.views.set(book.seq, book.value!);
      if (this.views.size > kept) this.views.delete(this.views.keys().next().value!);
    });
    const tape = feed.trades(symbol);
    for (const event of ['snapshot', 'update'] as const) tape.on(event, ({ d }) => void this.trades.push(...d.map((trade: Trade) => trade.id)));
    this.seq = () => book.seq;
  }

  readonly seq: () => number;
}

// probe joins the server's book at random moments of the same session, by a socket of its own, and holds the client's against it.
async function probe(url: string, room: string, watched: Watched, over: () => boolean): Promise<void> {
  const socket = new WebSocket(url);
  const snapshots: { seq: number; d: Book }[] = [];
  socket.on('message', (frame) => {
    for (const message of JSON.parse(String(frame))) if (message.t === 'snapshot') snapshots.push(message);
  });
  await new Promise((resolve) => socket.once('open', resolve));
  while (!over()) {
    await pause(Math.random() * 300);
    socket.send(JSON.stringify({ op: 'subscribe', rooms: [room] }));
    await until(() => snapshots.length > 0 || over(), 'a snapshot');
    socket.send(JSON.stringify({ op: 'unsubscribe', rooms: [room] }));
    for (const { seq, d } of snapshots.splice(0)) {
      await until(() => watched.seq() >= seq || over(), 'the client to be there');
      const view = watched.views.get(seq);
      if (!view) sum.passed++; // folded over, or the client was away
      else {
        expect(JSON.stringify(view)).toBe(JSON.stringify(d));
        sum.moments++;
      }
    }
  }
  socket.terminate();
}

async function history(server: Server, room: string, from: number): Promise<string[]> {
  const text = await (await fetch(`http://${server.host}/v1/history?rooms=${room}&from=${from}`)).text();
  return text.trim().split('\n').map((line) => JSON.parse(line)).flatMap((m) => (m.t === 'snapshot' || m.t === 'update' ? m.d.map((trade: Trade) => trade.id) : []));
}

// captureOf puts a session's files into one, and the answer of the REST endpoint that the first has in line beside it, as captures
// have it: with the address that it was asked of.
function captureOf({ files, format, symbol }: (typeof sessions)[number]): string {
  const capture = join(folder, `${files[0]}.raw.gz`);
  if (existsSync(capture)) return capture;
  const lines = files.flatMap((file) => gunzipSync(readFileSync(join(data, `${file}.raw.gz`))).toString().split('\n')).filter((line) => line !== '');
  const inline = (line: string) => /^\d+ \{"lastUpdateId"/.test(line);
  const path = format === 'binance' ? 'https://api.binance.com/api/v3/depth' : 'https://fapi.binance.com/fapi/v1/depth';
  const address = `${path}?symbol=${symbol.split(':')[1]!.replace('-', '')}&limit=1000`;
  const rest = lines.filter(inline).map((line) => line.replace(' ', ` ${address} `));
  expect(rest).toHaveLength(1);
  writeFileSync(capture, gzipSync(lines.filter((line) => !inline(line)).join('\n') + '\n', { level: 1 }));
  writeFileSync(capture.replace('.raw.gz', '.rest.raw.gz'), gzipSync(rest.join('\n') + '\n'));
  return capture;
}

async function play(session: (typeof sessions)[number], name: string, every: number, cuts: number): Promise<void> {
  const capture = captureOf(session);
  const server = await start('replay', 'serve', '--feed', session.format, '--capture', capture, '--listen', '127.0.0.1:0');
  const { logs } = await server.get<{ logs: { from: number; to: number }[] }>('v1/archive');
  const from = Math.min(...logs.map((log) => log.from));
  const to = Math.max(...logs.map((log) => log.to));
  const trades = await history(server, `trades:${session.symbol}`, from);
  const proxy = await Proxy.open(server.host);
  const began = Date.now();
  // The probes hold the session, so that its clock goes on while the client is away.
  const address = `ws://${server.host}/v1/replay?from=${from}&speed=${speed}&session=${name}&control=all`;
  const holder = new WebSocket(address);
  await new Promise((resolve) => holder.once('open', resolve));
  const feed = connect(proxy.url, { WebSocket: socketClass, backoff: { first: 5, longest: 20 }, encoding: Math.random() < 0.5 ? 'json' : 'msgpack' }).replay({ from, speed, session: name, control: 'all' });
  const watched = new Watched(feed, session.symbol);
  const over = () => feed.phase === 'end' && watched.trades.length >= trades.length;
  const looking = Promise.all(Array.from({ length: probes }, () => probe(address, `book:${session.symbol}`, watched, over)));
  const cutting = (async () => {
    for (let cut = 0; cut < cuts && !over(); cut++) {
      await pause(every * (0.5 + Math.random()));
      if (over()) return;
      const { connects } = feed.stats;
      // At this speed a room's log holds a sixth of a second: the clock stands until the client is back. What is on its way is lost.
      const paused = new Promise<void>((resolve) => holder.on('message', (frame) => String(frame).includes('"op":"pause"') && resolve()));
      holder.send('{"op":"pause"}');
      await paused;
      proxy.cut();
      sum.cuts++;
      await until(() => feed.stats.connects > connects && feed.state === 'open', 'to be connected again');
      holder.send('{"op":"resume"}');
      holder.removeAllListeners('message');
    }
  })();
  await until(over, 'the end, with every trade', 120_000);
  await Promise.all([looking, cutting]);
  expect(watched.trades).toEqual(trades);
  expect(feed.stats.broken).toBe(0);
  sum.captured += (to - from) / 1e6;
  sum.seconds += (Date.now() - began) / 1000;
  sum.trades += trades.length;
  sum.updates += feed.stats.messages;
  sum.gaps += feed.stats.gaps;
  sum.snapshots += feed.stats.snapshots;
  feed.close();
  holder.terminate();
  proxy.close();
  await server.stop();
}

test.skipIf(!existsSync(data))(`captured traffic at ${speed} times its speed over a link that is cut${full ? ': two hours' : ''} (needs the captures that TAPEDECK_DATA names)`, async () => {
  const wanted = full ? { captured: 7_200, moments: 1_000, cuts: 200, every: 300 } : { captured: 1, moments: 20, cuts: 8, every: 400 };
  for (let i = 0; sum.captured < wanted.captured || sum.moments < wanted.moments || sum.cuts < wanted.cuts; i++) {
    await play(sessions[i % sessions.length]!, `s${i}`, wanted.every, full ? Infinity : wanted.cuts);
    if (full) console.log(`${Math.round(sum.captured)} s captured in ${sum.seconds.toFixed(1)} s: ${sum.moments} moments equal, ${sum.passed} passed over, ${sum.cuts} cuts, ${sum.trades} trades each once`);
  }
  console.log(JSON.stringify(sum));
}, full ? 1_800_000 : 120_000);
