import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Book } from '../book.js';
import * as decimal from '../decimal.js';

test('decimals are exact and equal by value', () => {
  const sum = decimal.add(decimal.parse('0.1'), decimal.parse('0.20'));
  assert.equal(decimal.text(sum), '0.30');
  assert.equal(decimal.compare(decimal.parse('1.10'), decimal.parse('1.1')), 0);
  assert.equal(decimal.compare(decimal.parse('9.9'), decimal.parse('10')), -1);
  assert.equal(decimal.text(decimal.subtract(decimal.parse('0.001'), decimal.parse('0.01'))), '-0.009');
  assert.equal(decimal.text(decimal.parse('123456789012345678901234567890.5')), '123456789012345678901234567890.5');
  assert.equal(decimal.key('1.10'), decimal.key('1.1'));
  assert.equal(decimal.key('100'), '100');
  assert.notEqual(decimal.key('100'), decimal.key('1'));
  assert.equal(decimal.key('5.000'), decimal.key('5'));
});

test('numbers of a kind have as many decimals as any of them has needed', () => {
  const places = new decimal.Places();
  assert.equal(places.text('97412.50000000'), '97,412.5');
  assert.equal(places.text('97412.52000000'), '97,412.52');
  assert.equal(places.text('5'), '5.00');
  assert.equal(new decimal.Places().text('63835902.00000000'), '63,835,902');
  assert.equal(new decimal.Places().see('0.10', '0.0123').text('-1234.5'), '-1,234.5000');
  assert.equal(new decimal.Places().text('100'), '100');
});

test('large numbers are said in short', () => {
  assert.equal(decimal.brief('452486097884.00000000'), '452.48 B');
  assert.equal(decimal.brief('5461579.33757009'), '5.46 M');
  assert.equal(decimal.brief('12801.53'), '12.80 K');
  assert.equal(decimal.brief('9999.987'), '9,999.98');
  assert.equal(decimal.brief('12'), '12');
});

test('a book folds levels, equal by value, and "0" removes', () => {
  const book = new Book();
  book.replace({ bids: [['99.0', '1'], ['98.5', '2']], asks: [['100.10', '3']] });
  book.apply({ bids: [['99.00', '4'], ['98.50', '0'], ['97', '0']], asks: [['100.1', '0'], ['101', '5']] });
  const { bids, asks } = book.ladder(10);
  assert.deepEqual(bids.map((l) => [l.price, l.qty]), [['99.00', '4']]);
  assert.deepEqual(asks.map((l) => [l.price, l.qty]), [['101', '5']]);
});

test('a ladder is best first with running totals', () => {
  const book = new Book();
  book.replace({
    bids: [['9', '0.1'], ['10', '0.25'], ['8', '1']],
    asks: [['12', '0.5'], ['11', '0.2']],
  });
  const ladder = book.ladder(2);
  assert.deepEqual(ladder.bids.map((l) => [l.price, l.total]), [['10', '0.25'], ['9', '0.35']]);
  assert.deepEqual(ladder.asks.map((l) => [l.price, l.total]), [['11', '0.2'], ['12', '0.7']]);
  assert.equal(ladder.asks[1].share, 1);
  assert.equal(ladder.bids[1].share, 0.5);
  assert.equal(ladder.spread.text, '1');
});

test('a snapshot replaces everything, an empty one leaves nothing', () => {
  const book = new Book();
  book.replace({ bids: [['1', '1']], asks: [] });
  assert.equal(book.ladder(5).spread, null);
  book.replace({});
  assert.ok(book.empty);
  assert.deepEqual(book.ladder(5), { bids: [], asks: [], spread: null });
});
