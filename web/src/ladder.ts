// The rows of a book as a page shows them: levels with the total of all up to them, and how long its bar is.

import type { Book, Level } from '@tapedeck/client';
import * as decimal from './decimal.ts';

export interface Row {
  price: string;
  size: string;
  total: string;
  share: number; // of the larger side's total
}

export interface Rows {
  bids: Row[];
  asks: Row[];
  spread?: { text: string; basisPoints: number };
}

export function rows(book: Book, count: number): Rows {
  const bids = summed(book.bids, count);
  const asks = summed(book.asks, count);
  const [bid, ask] = [bids.at(-1)?.sum ?? decimal.zero, asks.at(-1)?.sum ?? decimal.zero];
  const most = decimal.compare(bid, ask) < 0 ? ask : bid;
  const row = ({ price, size, sum }: Summed): Row => ({ price, size, total: decimal.text(sum), share: decimal.ratio(sum, most) });
  return { bids: bids.map(row), asks: asks.map(row), spread: spread(bids[0]?.price, asks[0]?.price) };
}

interface Summed {
  price: string;
  size: string;
  sum: decimal.Decimal;
}

function summed(levels: readonly Level[], count: number): Summed[] {
  let sum = decimal.zero;
  return levels.slice(0, count).map(([price, size]) => {
    sum = decimal.add(sum, decimal.parse(size));
    return { price, size, sum };
  });
}

function spread(bid?: string, ask?: string): Rows['spread'] {
  if (bid === undefined || ask === undefined) return undefined;
  const over = decimal.parse(ask);
  const wide = decimal.subtract(over, decimal.parse(bid));
  return { text: decimal.text(wide), basisPoints: (10_000 * Number(decimal.text(wide))) / Number(ask) };
}
