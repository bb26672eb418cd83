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
