// The list of symbols to choose from.

import type { Ticker } from '@tapedeck/client';
import * as decimal from './decimal.ts';
import { $, make, set } from './dom.ts';
import * as names from './names.ts';
import { change, Price } from './price.ts';

export interface Entry {
  key: string; // VENUE:SYMBOL
  row: HTMLLIElement;
  button: HTMLButtonElement;
  change: HTMLSpanElement;
  places: decimal.Places; // of its prices
  price: Price;
  ticker?: Ticker;
}

export class Symbols {
  readonly entries = new Map<string, Entry>();
  private readonly list = $('symbols');
  private words = '';

  constructor(private readonly choose: (key: string) => void) {}

  // entry finds a symbol's line, or makes it and puts it in its place by name.
  entry(key: string): Entry {
    let entry = this.entries.get(key);
    if (!entry) this.entries.set(key, (entry = this.insert(key)));
    return entry;
  }

  private insert(key: string): Entry {
    const { venue, symbol } = names.parts(key);
    const price = make('span', 'price');
    const moved = make('span', 'change');
    const button = make('button', '', make('span', 'name', symbol), make('span', 'venue', venue), price, moved);
    button.type = 'button';
    button.title = `${symbol} · ${venue}`;
    button.addEventListener('click', () => this.choose(key));
    const row = make('li', '', button);
    row.dataset.key = key;
    row.hidden = !this.matches(key);
    const last = this.list.lastElementChild as HTMLElement | null; // they mostly come in order
    const after = last && last.dataset.key! > key ? [...this.list.children].find((other) => (other as HTMLElement).dataset.key! > key) : null;
    this.list.insertBefore(row, after ?? null);
    $('no-symbols').hidden = true;
    const places = new decimal.Places();
    return { key, row, button, change: moved, places, price: new Price(price, places) };
  }

  // show draws a symbol's ticker.
  show(entry: Entry): void {
    const moved = change(entry.ticker);
    if (entry.ticker?.last) entry.price.show(entry.ticker.last);
    set(entry.change, moved?.text ?? '');
    const name = `change ${moved?.way ?? ''}`;
    if (entry.change.className !== name) entry.change.className = name;
  }

  private matches(key: string): boolean {
    const { venue, symbol } = names.parts(key);
    return `${venue} ${symbol} ${symbol.replace(/[^a-z0-9]/gi, '')}`.toLowerCase().includes(this.words);
  }

  search(words: string): void {
    this.words = words.trim().toLowerCase();
    for (const [key, entry] of this.entries) entry.row.hidden = !this.matches(key);
    const none = ![...this.entries.values()].some((e) => !e.row.hidden);
    $('no-symbols').hidden = !none;
    if (none) set($('no-symbols'), this.entries.size > 0 ? 'No symbol of that name' : 'Waiting for the first symbol …');
  }

  mark(chosen: string): void {
    for (const { key, button, row } of this.entries.values()) {
      if (key === chosen) {
        button.setAttribute('aria-current', 'true');
        row.scrollIntoView({ block: 'nearest', inline: 'nearest' });
      } else button.removeAttribute('aria-current');
    }
  }

  // beside is the symbol so many lines below the chosen one, of those that are shown.
  beside(chosen: string, by: number): string | undefined {
    const shown = [...this.list.children].filter((row) => !(row as HTMLElement).hidden).map((row) => (row as HTMLElement).dataset.key!);
    if (shown.length === 0) return undefined;
    const at = shown.indexOf(chosen);
    return shown[at < 0 ? 0 : Math.min(shown.length - 1, Math.max(0, at + by))];
  }

  // busiest is the symbol in which the most money moved.
  busiest(): string | undefined {
    const moved = ({ ticker }: Entry) => decimal.parse(ticker?.quoteVolume ?? '0');
    let best: Entry | undefined;
    for (const entry of this.entries.values()) {
      if (!best || decimal.compare(moved(entry), moved(best)) > 0) best = entry;
    }
    return best?.key;
  }
}
