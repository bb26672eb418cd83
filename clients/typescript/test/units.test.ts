import fc from 'fast-check';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Chain } from '../src/chain.js';
import { Clock } from '../src/clock.js';
import { compare } from '../src/decimal.js';
import { delay } from '../src/link.js';
import type { Book, Gap, Level, Trade, Update } from '../src/messages.js';
import { decode, encode } from '../src/msgpack.js';
import { escapeSymbol, matches, millis, parseRoom } from '../src/names.js';
import { Reader, type RoomEvent } from '../src/reader.js';
import { BookState, stateOf } from '../src/state.js';
import { root } from './build.js';

// A decimal as it may be written: its value as an integer of that many decimals, and zeros more at both ends.
const decimals = fc.tuple(fc.bigInt(-(10n ** 18n), 10n ** 18n), fc.nat(12), fc.nat(3), fc.nat(3)).map(([n, scale, before, after]) => {
  const digits = (n < 0n ? -n : n).toString().padStart(scale + 1, '0');
  const part = digits.slice(digits.length - scale) + '0'.repeat(after);
  const text = (n < 0n ? '-' : '') + '0'.repeat(before) + digits.slice(0, digits.length - scale) + (part ? '.' + part : '');
  return { text, value: n * 10n ** BigInt(12 - scale) };
});

test('decimals are ordered as exact arithmetic orders them', () => {
  fc.assert(
    fc.property(decimals, decimals, (a, b) => Math.sign(compare(a.text, b.text)) === (a.value < b.value ? -1 : a.value > b.value ? 1 : 0)),
    { numRuns: 5_000 },
  );
  expect(compare('1.10', '1.1')).toBe(0);
  expect(compare('-0.00', '0')).toBe(0);
  expect(compare('9007199254740993', '9007199254740992')).toBeGreaterThan(0); // as floats they are the same
});

const levels = fc.array(fc.tuple(fc.integer({ min: 1, max: 60 }), fc.nat(2), fc.integer({ min: 0, max: 9 })), { maxLength: 25 });
// The same price is written with more or fewer zeros.
const side = levels.map((list) => list.map(([price, zeros, size]) => [(price / 4).toFixed(2) + '0'.repeat(zeros), String(size)] as Level));

test('a book is the levels that a map of all updates has, in order', () => {
  fc.assert(
    fc.property(fc.array(fc.record({ bids: side, asks: side }), { maxLength: 20 }), (updates) => {
      const state = new BookState();
      const plain = { bids: new Map<number, string>(), asks: new Map<number, string>() };
      for (const update of updates) {
        state.apply(structuredClone(update));
        for (const which of ['bids', 'asks'] as const) {
          for (const [price, size] of update[which]) size === '0' ? plain[which].delete(Number(price)) : plain[which].set(Number(price), size);
        }
      }
      const order = (which: 'bids' | 'asks', up: number) => [...plain[which]].sort((a, b) => up * (a[0] - b[0]));
      const view = (list: readonly Level[]) => list.map(([price, size]) => [Number(price), size]);
      expect(view(state.value.bids)).toEqual(order('bids', -1));
      expect(view(state.value.asks)).toEqual(order('asks', 1));
    }),
  );
});

test('views cannot be written to, and stay the same until something changes', () => {
  const state = new BookState();
  state.replace({ bids: [['1', '2']], asks: [] });
  const view = state.value;
  expect(state.value).toBe(view);
  expect(() => (view.bids as Level[]).push(['0', '1'])).toThrow(TypeError);
  expect(() => ((view.bids[0] as unknown as string[])[1] = '9')).toThrow(TypeError);
  state.apply({ bids: [['1.0', '3']], asks: [] });
  expect(view.bids).toEqual([['1', '2']]);
  expect(state.value.bids).toEqual([['1.0', '3']]);
  expect(state.value.asks).toBe(view.asks);
});

test('tickers take fields and lose those that are null; quotes come whole', () => {
  const ticker = stateOf('ticker', 0);
  ticker.replace({ last: '1', vwap: '2' });
  ticker.apply({ last: '3', vwap: null });
  expect(ticker.value).toEqual({ last: '3' });
  const quotes = stateOf('quotes', 0);
  quotes.replace({ bid: '1', bidQty: '1' });
  quotes.apply({ bid: null, bidQty: null, ask: '2', askQty: '1' });
  expect(quotes.value).toEqual({ ask: '2', askQty: '1' });
});

test('candles are in order whatever comes late, and trades are the last ones', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(40), { maxLength: 60 }), (starts) => {
      const candles = stateOf('candles', 1000);
      candles.replace([]);
      starts.forEach((start, rev) => candles.apply([{ start, rev }]));
      const want = [...new Map(starts.map((start, rev) => [start, { start, rev }])).values()].sort((a, b) => a.start - b.start);
      expect(candles.value).toEqual(want);
    }),
  );
  const trades = stateOf('trades', 3);
  trades.replace([]);
  for (let id = 0; id < 50; id++) trades.apply([{ id: String(id) }]);
  expect((trades.value as Trade[]).map((trade) => trade.id)).toEqual(['47', '48', '49']);
});

describe('the chain', () => {
  const update = (prev: number, seq: number) => ({ t: 'update', prev, seq, room: 'r', n: 1, ts: 0, d: {} }) as Update;
  const gap = (from: number, to: number, reason = 'slow', epoch = 'e') => ({ t: 'gap', room: 'r', epoch, from, to, reason }) as Gap;
  const joined = (loss: 'never' | 'fold') => {
    const chain = new Chain();
    chain.ask('1');
    chain.granted({ room: 'r', loss }, '1');
    chain.take({ t: 'snapshot', room: 'r', epoch: 'e', seq: 5, d: {} });
    return chain;
  };

  test('takes what continues it, and nothing else', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(9), fc.nat(9))), (moves) => {
        const chain = joined('fold');
        let seq = 5;
        for (const [prev, more] of moves) {
          const verdict = chain.take(update(prev, prev + more));
          expect(verdict).toBe(prev === seq ? 'apply' : 'broken');
          if (verdict === 'apply') seq = prev + more;
          expect(chain.seq).toBe(seq);
        }
      }),
    );
  });

  test('after a gap goes on from its end where nothing may be lost, and waits for a snapshot where only the state matters', () => {
    const never = joined('never');
    expect(never.take(gap(5, 9))).toBe('gap');
    expect(never.take(update(9, 10))).toBe('apply');
    expect(never.take(gap(10, 2, 'epoch', 'f'))).toBe('gap');
    expect(never.epoch).toBe('f');
    expect(never.take(update(2, 3))).toBe('broken');
    const fold = joined('fold');
    expect(fold.take(gap(5, 9))).toBe('gap');
    expect(fold.take(update(9, 10))).toBe('broken');
    expect(fold.take({ t: 'snapshot', room: 'r', epoch: 'e', seq: 12, d: {} })).toBe('replace');
    expect(fold.take(gap(11, 13))).toBe('broken');
  });

  test('listens to the answer of the newest question alone', () => {
    const chain = joined('never');
    chain.ask('2');
    chain.ask('3');
    chain.granted({ room: 'r', recovered: true }, '2');
    expect(chain.take(update(5, 6))).toBe('skip');
    expect(chain.since).toEqual({ epoch: 'e', seq: 5 });
    chain.granted({ room: 'r', recovered: true }, '3');
    expect(chain.take(update(5, 6))).toBe('apply');
  });
});

describe('MessagePack', () => {
  const values = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.string({ maxLength: 300, unit: 'binary' }), fc.boolean(), fc.constant(null), fc.maxSafeInteger(), fc.double({ noNaN: true }).filter((x) => !Object.is(x, -0)),
      fc.array(tie('value'), { maxLength: 20 }),
      fc.dictionary(fc.string().filter((key) => key !== '__proto__'), tie('value'), { maxKeys: 20, noNullPrototype: true }),
    ),
  })).value;

  test('what was written is read', () => {
    fc.assert(
      fc.property(values, (value) => {
        expect(decode(encode(value))).toEqual(value);
      }),
    );
  });

  test('damage is an error, and never more than the bytes hold', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        try {
          decode(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
        }
      }),
    );
  });

  // The server's own golden files have each message in both encodings.
  const folder = join(root, 'wire/testdata');
  test.each(readdirSync(folder).filter((name) => name.endsWith('.golden')))('%s says the same in both encodings', (name) => {
    const [json, ...dump] = readFileSync(join(folder, name), 'utf8').trim().split('\n');
    const bytes = dump.flatMap((line) => line.slice(10, 58).trim().split(/\s+/)).map((hex) => parseInt(hex, 16));
    expect(decode(new Uint8Array(bytes))).toEqual(JSON.parse(json!));
  });
});

test('names are split as the protocol says', () => {
  expect(parseRoom('book:BINANCE:BTC-USDT@20')).toEqual({ channel: 'book', venue: 'BINANCE', symbol: 'BTC-USDT', variant: '20' });
  expect(parseRoom('trades:BITFINEX:t%3AX@')?.symbol).toBe('t%3AX');
  expect(parseRoom('trades:BINANCE')).toBeUndefined();
  expect(escapeSymbol('BTC:USD@1')).toBe('BTC%3AUSD%401');
  expect(matches('book:BINANCE:*@5', 'book:BINANCE:BTC-USDT@5')).toBe(true);
  expect(matches('book:BINANCE:*@5', 'book:BINANCE:BTC-USDT')).toBe(false);
  expect(['0', '250ms', '1s', '1m30s', '1d'].map(millis)).toEqual([0, 250, 1000, 90_000, 86_400_000]);
});

test('waits are anything up to a bound that doubles', () => {
  const backoff = { first: 500, longest: 30_000 };
  fc.assert(fc.property(fc.nat(2_000), fc.double({ min: 0, max: 1, noNaN: true }), (n, x) => {
    const wait = delay(n, backoff, () => x);
    return wait >= 0 && wait <= 30_000 && (n > 5 || wait <= 500 * 2 ** n);
  }));
  expect(delay(3, backoff, () => 1)).toBe(4_000);
  expect(delay(2_000, backoff, () => 1)).toBe(30_000);
});

test('the clock believes quick answers', () => {
  let now = 1_000;
  const clock = new Clock(() => now);
  const ask = (trip: number, server: number) => {
    clock.asked('1');
    now += trip;
    clock.answered('1', server * 1000);
  };
  ask(10, 1_055);
  expect(clock.offset).toBe(50);
  ask(900, 9_999);
  expect(clock.offset).toBe(50);
  expect(clock.latency).toBe(900);
  expect(clock.age((now + 20) * 1000)).toBe(30);
});

describe('a for await', () => {
  const update = (seq: number): RoomEvent => ({ t: 'update', room: 'r', prev: seq - 1, seq, n: 2, ts: 0, d: [] });

  test('that is slow in a room where nothing may be lost is told what it lost, in its place', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.boolean(), { maxLength: 200 }), fc.integer({ min: 1, max: 8 }), async (reads, limit) => {
        const reader = new Reader(limit, () => undefined, () => {});
        let pushed = 0;
        let at = 0;
        const take = async () => {
          const { value } = await reader.next();
          if (value.t === 'gap') {
            expect([value.from, value.n, value.reason]).toEqual([at, 2 * (value.to - value.from), 'buffer']);
            at = value.to;
          } else {
            expect(value.prev).toBe(at);
            at = value.seq;
          }
        };
        for (const read of reads) {
          if (!read) reader.push(update(++pushed));
          else if (at < pushed) await take();
          expect((reader as unknown as { held: []; head: number }).held.length).toBeLessThanOrEqual(2 * limit + 2);
        }
        while (at < pushed) await take();
      }),
    );
  });

  test('that is slow in a book begins again with the book as it is', async () => {
    let seq = 0;
    const reader = new Reader<Book>(3, () => ({ t: 'snapshot', room: 'r', epoch: 'e', seq, d: { bids: [], asks: [] } }), () => {});
    for (; seq < 10; ) reader.push(update(++seq) as RoomEvent<Book>);
    expect((await reader.next()).value).toMatchObject({ t: 'gap', reason: 'buffer', from: 0 });
    expect((await reader.next()).value).toMatchObject({ t: 'snapshot', seq: 10 });
    reader.push(update(++seq) as RoomEvent<Book>);
    expect((await reader.next()).value).toMatchObject({ t: 'update', prev: 10 });
    const last = reader.next();
    await reader.return();
    expect((await last).done).toBe(true);
  });
});

test('the minified core is below 12 kB gzipped, and depends on nothing', async () => {
  const { build } = await import('esbuild');
  const { gzipSync } = await import('node:zlib');
  const at = join(root, 'clients/typescript');
  const { outputFiles, metafile } = await build({ entryPoints: [join(at, 'src/index.ts')], bundle: true, minify: true, format: 'esm', write: false, metafile: true });
  const size = gzipSync(outputFiles[0]!.contents, { level: 9 }).length;
  console.log(`the core: ${size} bytes gzipped`);
  expect(size).toBeLessThan(12_000);
  expect(Object.keys(metafile.inputs).filter((name) => name.includes('node_modules'))).toEqual([]);
  expect(JSON.parse(readFileSync(join(at, 'package.json'), 'utf8')).dependencies).toBeUndefined();
  expect(readFileSync(join(at, 'package-lock.json'), 'utf8')).not.toContain('"resolved"');
});

