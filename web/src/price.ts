// A price that says by a flash which way it went, and how far a ticker's last price is from the day's first.

import type { Ticker } from '@tapedeck/client';
import * as decimal from './decimal.ts';
import { Flash, set } from './dom.ts';

export class Price {
  private now: string | undefined;
  private readonly flash: Flash;
  constructor(private readonly node: Element, private readonly places: decimal.Places) {
    this.flash = new Flash(node);
  }

  show(price: string | undefined): void {
    if (price === this.now && price !== undefined) return set(this.node, this.places.text(price)); // the number of decimals may have grown
    const way = this.now === undefined || price === undefined ? 0 : decimal.compare(decimal.parse(price), decimal.parse(this.now));
    this.now = price;
    set(this.node, price === undefined ? '–' : this.places.text(price));
    if (way !== 0) this.flash.go(way > 0 ? 'up' : 'down');
  }
}

export function change(ticker: Ticker | undefined): { text: string; way: 'up' | 'down' | '' } | undefined {
  if (!ticker?.last || !ticker.open) return undefined;
  const open = decimal.parse(ticker.open);
  const percent = 100 * decimal.ratio(decimal.subtract(decimal.parse(ticker.last), open), open);
  const text = `${percent > 0 ? '+' : percent < 0 ? '−' : ''}${Math.abs(percent).toFixed(2)} %`;
  return { text, way: percent > 0 ? 'up' : percent < 0 ? 'down' : '' };
}
