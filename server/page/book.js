// The book of one room: what a client must do to keep it, and no more. It never cuts: a level that
// left by depth comes with quantity "0".

import * as decimal from './decimal.js';

export class Book {
  constructor() {
    this.clear();
  }

  clear() {
    this.sides = { bids: new Map(), asks: new Map() };
  }

  // replace takes the body of a snapshot.
  replace(body) {
    this.clear();
    this.apply(body);
  }

  // apply takes the body of an update: quantities are absolute, "0" removes.
  apply(body) {
    for (const side of ['bids', 'asks']) {
      for (const [price, qty] of body?.[side] ?? []) {
        const key = decimal.key(price);
        if (qty === '0') this.sides[side].delete(key);
        else this.sides[side].set(key, { price, qty, value: decimal.parse(price), size: decimal.parse(qty) });
      }
    }
  }

  get empty() {
    return this.sides.bids.size === 0 && this.sides.asks.size === 0;
  }

  // levels returns up to count levels of a side, best first, each with the total of all levels up to it.
  levels(side, count) {
    const up = side === 'asks' ? 1 : -1;
    const sorted = [...this.sides[side].values()].sort((a, b) => up * decimal.compare(a.value, b.value));
    let sum = { n: 0n, scale: 0 };
    return sorted.slice(0, count).map((level) => {
      sum = decimal.add(sum, level.size);
      return { price: level.price, qty: level.qty, value: level.value, sum };
    });
  }

  // ladder is what a page shows: both sides with totals and the share each total has of the larger
  // side's, and the spread where both sides have a level.
  ladder(count) {
    const bids = this.levels('bids', count);
    const asks = this.levels('asks', count);
    const sums = [bids.at(-1)?.sum, asks.at(-1)?.sum].filter(Boolean);
    const most = sums.reduce((a, b) => (decimal.compare(a, b) < 0 ? b : a), { n: 0n, scale: 0 });
    const row = (level) => ({
      price: level.price,
      qty: level.qty,
      total: decimal.text(level.sum),
      share: decimal.ratio(level.sum, most),
    });
    return { bids: bids.map(row), asks: asks.map(row), spread: spread(bids[0], asks[0]) };
  }
}

function spread(bid, ask) {
  if (!bid || !ask) return null;
  const wide = decimal.subtract(ask.value, bid.value);
  return { text: decimal.text(wide), basisPoints: 10_000 * decimal.ratio(wide, ask.value) };
}
