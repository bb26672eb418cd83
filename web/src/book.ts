// The order book: both sides of the ladder and the spread between.

import type { Book } from '@tapedeck/client';
import { $, fit, set, write, type Row } from './dom.ts';
import type { Places } from './decimal.ts';
import { rows, type Row as Shown } from './ladder.ts';

const cells = ['price', 'size', 'total'];

class Side {
  private readonly lines: Row[] = [];
  constructor(private readonly list: Element) {}

  show(levels: Shown[], depth: number, prices: Places, sizes: Places): void {
    fit(this.list, this.lines, depth, cells);
    this.lines.forEach(({ row, cells: [price, size, total] }, i) => {
      const level = levels[i];
      row.hidden = !level;
      if (!level) return;
      set(price!, prices.text(level.price));
      set(size!, sizes.text(level.size));
      set(total!, sizes.text(level.total));
      const share = level.share.toFixed(3);
      if (row.dataset.share === share) return;
      row.dataset.share = share;
      row.style.setProperty('--share', share);
    });
  }
}

export class BookView {
  private readonly asks = new Side($('asks'));
  private readonly bids = new Side($('bids'));

  show(book: Book | undefined, depth: number, prices: Places, sizes: Places): void {
    const shown = rows(book ?? { bids: [], asks: [] }, depth);
    for (const level of [...shown.bids, ...shown.asks]) {
      prices.see(level.price);
      sizes.see(level.size);
    }
    this.asks.show(shown.asks, depth, prices, sizes);
    this.bids.show(shown.bids, depth, prices, sizes);
    write('spread', shown.spread ? prices.text(shown.spread.text) : '–');
    write('spread-bp', shown.spread ? `${points(shown.spread.basisPoints)} bp` : '');
    $('no-book').hidden = shown.bids.length + shown.asks.length > 0;
  }
}

// points has as many decimals as a spread needs to be more than nothing.
const points = (bp: number) => (bp !== 0 && Math.abs(bp) < 0.1 ? bp.toPrecision(1) : bp.toFixed(2));
