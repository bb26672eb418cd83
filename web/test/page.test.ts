import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as address from '../src/address.ts';
import * as decimal from '../src/decimal.ts';
import { rows } from '../src/ladder.ts';
import { bytes, History, median, Rate } from '../src/measures.ts';
import * as names from '../src/names.ts';
import { snippet, stream, type Shown } from '../src/snippets.ts';

test('an address says all that is shown, and is read back', () => {
  const view: address.View = {
    symbol: 'BINANCE:BTC-USDT', interval: '1s', depth: '50', width: '5m', find: 'a&b=c', theme: 'dark',
    from: '2026-01-31T14:30:00Z', to: 'live', speed: '0.5', paused: true,
  };
  const text = address.format(view);
  assert.deepEqual(address.parse(text), view);
  assert.match(text, /^\?symbol=BINANCE:BTC-USDT&interval=1s/);
  assert.equal(address.format(address.usual), '');
  assert.deepEqual(address.parse(''), address.usual);
});

test('what an address has that is none of ours is as usual', () => {
  const view = address.parse('?symbol=nonsense&interval=soon&depth=x&width=1y&theme=pink&from=yesterday&speed=fast&other=1');
  assert.deepEqual(view, address.usual);
  assert.equal(address.parse('?symbol=V:%253Cb%253E').symbol, 'V:%3Cb%3E');
});

test('names come back as they were', () => {
  for (const symbol of ['BTC-USDT', '<img src=x onerror=alert(1)>', 'a:b@c,d*e%f', 'ключ']) {
    const key = names.key('VENUE', symbol);
    assert.deepEqual(names.parts(key), { venue: 'VENUE', symbol });
    assert.doesNotMatch(key.slice(6), /[:@,*<> ]/);
  }
});

test('the ladder sums exactly and measures bars against the larger side', () => {
  const shown = rows({ bids: [['100.10', '0.1'], ['100.0', '0.20']], asks: [['100.20', '0.5'], ['100.30', '0.1'], ['101', '9']] }, 2);
  assert.deepEqual(shown.bids.map((r) => r.total), ['0.1', '0.30']);
  assert.deepEqual(shown.asks.map((r) => r.total), ['0.5', '0.6']);
  assert.deepEqual(shown.asks.map((r) => r.share), [0.833333, 1]);
  assert.equal(shown.spread?.text, '0.10');
  assert.ok(Math.abs(shown.spread!.basisPoints - 9.98) < 0.01);
  assert.equal(rows({ bids: [], asks: [['1', '1']] }, 2).spread, undefined);
});

test('numbers are written with the decimals that any of them needs', () => {
  const places = new decimal.Places().see('1.50000000', '2.25000000');
  assert.equal(places.text('1234567.50000000'), '1,234,567.50');
  assert.equal(places.text('3'), '3.00');
  assert.equal(decimal.text(decimal.add(decimal.parse('0.1'), decimal.parse('0.2'))), '0.3');
  assert.equal(decimal.compare(decimal.parse('1.10'), decimal.parse('1.1')), 0);
  assert.equal(decimal.brief('1234567.89'), '1.23 M');
});

test('rates are of the time between, and a count that begins anew is none', () => {
  const rate = new Rate();
  assert.equal(rate.next(100, 0), 0);
  assert.equal(rate.next(150, 500), 100);
  assert.equal(rate.next(10, 1000), 0);
  assert.equal(rate.next(20, 2000), 10);
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([]), undefined);
  assert.equal(bytes(1_234_000), '1.2 MB/s');
});

test('a sparkline keeps its last values, the newest at the right edge', () => {
  const history = new History(3);
  for (const value of [9, 1, 2, 4]) history.add(value);
  assert.deepEqual(history.values, [1, 2, 4]);
  assert.deepEqual(history.points(100, 42).split(' ').map((p) => p.split(',')[0]), ['0.0', '50.0', '100.0']);
  assert.equal(history.points(100, 42).split(' ')[2], '100.0,1.0');
});

const shown: Shown = { origin: 'https://md.example', symbol: 'BINANCE:BTC-USDT', interval: '100ms', depth: '20', width: '1m', from: '', to: '', speed: '1' };

test('what is shown is one line for wscat', () => {
  assert.equal(
    snippet('wscat', shown).trim(),
    "npx wscat -c 'wss://md.example/v1/stream?rooms=trades:BINANCE:BTC-USDT,book:BINANCE:BTC-USDT@20,candles:BINANCE:BTC-USDT@1m&interval=100ms'",
  );
  const replay = { ...shown, from: '2026-01-31T14:30:00Z', to: 'live', speed: '10' };
  assert.match(stream(replay), /^wss:\/\/md\.example\/v1\/replay\?from=2026-01-31T14:30:00Z&to=live&speed=10&rooms=/);
  assert.match(snippet('typescript', replay), /\.replay\(\{ from: "2026-01-31T14:30:00Z", to: "live", speed: 10 \}\)/);
  assert.match(snippet('python', shown), /websockets\.connect\("wss:/);
});

test('a hostile name stays a name in each program', () => {
  const hostile = { ...shown, symbol: names.key('V', `x'; rm -rf / #"\n\${1}`) };
  const line = snippet('wscat', hostile).trim();
  assert.equal(line.split('\n').length, 1);
  assert.equal(line.replaceAll("'\\''", '').match(/'/g)?.length, 2);
  for (const language of ['typescript', 'python'] as const) assert.doesNotMatch(snippet(language, hostile), /rm -rf/);
});
