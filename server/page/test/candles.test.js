import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Candles, layout } from '../candles.js';

const candle = (minute, o, h, l, c, v = '1') => ({ start: minute * 60e6, o, h, l, c, v });

test('a snapshot replaces, an update changes and adds, the oldest go', () => {
  const candles = new Candles(3);
  candles.replace([candle(1, '1', '1', '1', '1'), candle(2, '2', '2', '2', '2')]);
  candles.apply([candle(2, '2', '5', '2', '5'), candle(3, '5', '5', '5', '5')]);
  assert.deepEqual(candles.last(9).map((c) => c.c), ['1', '5', '5']);
  candles.apply([candle(4, '6', '6', '6', '6'), candle(1, '9', '9', '9', '9')]); // the second one comes late
  assert.deepEqual(candles.last(9).map((c) => c.start / 60e6), [2, 3, 4]);
  assert.deepEqual(candles.last(1).map((c) => c.c), ['6']);
  candles.replace([]);
  assert.deepEqual(candles.last(9), []);
  candles.replace(undefined); // an empty room's body
  assert.deepEqual(candles.last(9), []);
});

test('a picture shows the newest at its right edge, highs above lows', () => {
  const list = [candle(1, '10', '30', '10', '20', '4'), candle(2, '20', '20', '15', '15', '2')];
  const { bars, high, low } = layout(list, { width: 100, height: 100 });
  assert.equal(high, '30');
  assert.equal(low, '10');
  const [first, second] = bars;
  assert.ok(second.x + second.width <= 100 && first.x + first.width <= second.x);
  assert.equal(first.way, 'up');
  assert.equal(second.way, 'down');
  assert.ok(first.wick[0] < first.top, 'the high is above the body');
  assert.ok(Math.abs(first.top + first.body - first.wick[1]) < 1e-9, 'it opened at its low');
  assert.ok(Math.abs(first.volume - 2 * second.volume) < 1e-9);
});

test('a picture fits: as many candles as there is room for, and a flat line in its middle', () => {
  const many = Array.from({ length: 500 }, (_, i) => candle(i, '5', '5', '5', '5', '0'));
  const { bars, y } = layout(many, { width: 300, height: 80 });
  assert.ok(bars.length < 40 && bars[0].x >= 0);
  assert.equal(bars.at(-1).start, 499 * 60e6);
  assert.ok(y('5') > 0 && y('5') < 80 && bars[0].volume === 0 && bars[0].body === 1);
  assert.equal(layout([], { width: 300, height: 80 }), null);
});

test('tiny prices keep their text', () => {
  const { high, low } = layout([candle(1, '0.00000012', '0.00000013', '0.00000011', '0.00000012')], { width: 99, height: 99 });
  assert.equal(high, '0.00000013');
  assert.equal(low, '0.00000011');
});
