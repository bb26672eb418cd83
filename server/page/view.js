// The moving parts of the page. Each keeps its rows and changes only their text: what comes from a
// feed is never markup, and a row that did not change costs nothing.

import * as decimal from './decimal.js';

const make = (tag, className, ...children) => {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...children);
  return node;
};

const set = (node, text) => {
  if (node.textContent !== text) node.textContent = text;
};

export const write = (id, text) => set(document.getElementById(id), text);

const calm = matchMedia('(prefers-reduced-motion: reduce)');

// flash lights a node up for a moment, for those who want things to move.
function flash(node, way) {
  if (calm.matches) return;
  const colour = getComputedStyle(node).getPropertyValue(`--${way}-flash`);
  node.animate([{ backgroundColor: colour }, { backgroundColor: 'transparent' }], { duration: 700, easing: 'ease-out' });
}

// Price is a price that says by a flash which way it went.
export class Price {
  constructor(node, places) {
    this.node = node;
    this.places = places;
    this.now = undefined;
  }

  show(price) {
    if (price === this.now) return;
    const way = this.now === undefined || price === undefined ? 0 : decimal.compare(decimal.parse(price), decimal.parse(this.now));
    this.now = price;
    set(this.node, price === undefined ? '–' : this.places.text(price));
    if (way !== 0) flash(this.node, way > 0 ? 'up' : 'down');
  }
}

// rows fills a list with count rows of the same cells.
function rows(list, count, cells) {
  return Array.from({ length: count }, () => {
    const parts = cells.map((name) => make('span', name));
    const row = make('li', '', ...parts);
    row.hidden = true;
    list.append(row);
    return { row, parts };
  });
}

// Ladder is one side of the book, best first.
export class Ladder {
  constructor(list, count) {
    this.rows = rows(list, count, ['price', 'qty', 'total']);
  }

  // show takes levels, and how prices and sizes are written.
  show(levels, prices, sizes) {
    for (const level of levels) {
      prices.see(level.price);
      sizes.see(level.qty);
    }
    this.rows.forEach(({ row, parts }, i) => {
      const level = levels[i];
      row.hidden = !level;
      if (!level) return;
      set(parts[0], prices.text(level.price));
      set(parts[1], sizes.text(level.qty));
      set(parts[2], sizes.text(level.total));
      row.style.setProperty('--share', level.share.toFixed(4));
    });
  }
}

const clock = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium', hourCycle: 'h23' });

const time = (micros) => {
  const date = new Date(micros / 1000);
  return `${clock.format(date)}.${String(date.getMilliseconds()).padStart(3, '0')}`;
};

// Tape is the last trades, newest first, with a line where some are missing.
export class Tape {
  constructor(list, count) {
    this.rows = rows(list, count, ['price', 'qty', 'time']);
    this.clear();
  }

  clear() {
    this.trades = [];
  }

  add(trades) {
    this.trades.push(...trades);
    this.trades.splice(0, this.trades.length - this.rows.length);
  }

  gap(message) {
    const count = message.n ?? message.records;
    const what = count === undefined ? 'some' : String(count);
    this.add([{ gap: `${what} ${message.n === undefined ? 'records' : 'trades'} missing (${message.reason})` }]);
  }

  // last is the newest trade's price.
  get last() {
    return this.trades.findLast((trade) => !trade.gap)?.px;
  }

  show(prices, sizes) {
    for (const trade of this.trades) {
      if (!trade.gap) sizes.see(trade.qty);
    }
    this.rows.forEach(({ row, parts }, i) => {
      const trade = this.trades[this.trades.length - 1 - i];
      row.hidden = !trade;
      if (!trade) return;
      row.className = trade.gap ? 'gap' : (trade.side ?? 'unknown');
      set(parts[0], trade.gap ?? prices.text(trade.px));
      set(parts[1], trade.gap ? '' : sizes.text(trade.qty));
      set(parts[2], trade.gap || !trade.ts ? '' : time(trade.ts));
    });
  }
}

// Symbols is the list to choose from. It calls choose(venue, symbol).
export class Symbols {
  constructor(list, choose) {
    this.list = list;
    this.choose = choose;
    this.entries = new Map(); // by venue and symbol
    this.words = '';
  }

  entry(venue, symbol) {
    const key = `${venue}/${symbol}`;
    let entry = this.entries.get(key);
    if (!entry) this.entries.set(key, (entry = this.insert(key, venue, symbol)));
    return entry;
  }

  // insert makes the entry's row and puts it in its place by name.
  insert(key, venue, symbol) {
    const parts = {
      name: make('span', 'name', symbol),
      venue: make('span', 'venue', venue),
      price: make('span', 'price'),
      change: make('span', 'change'),
    };
    const button = make('button', '', ...Object.values(parts));
    button.type = 'button';
    button.addEventListener('click', () => this.choose(venue, symbol));
    const row = make('li', '', button);
    row.dataset.key = key;
    row.hidden = !this.matches(key);
    const after = [...this.list.children].find((other) => other.dataset.key > key);
    this.list.insertBefore(row, after ?? null);
    const places = new decimal.Places();
    return { venue, symbol, row, button, parts, places, price: new Price(parts.price, places) };
  }

  matches(key) {
    return key.toLowerCase().includes(this.words);
  }

  filter(words) {
    this.words = words.trim().toLowerCase();
    for (const [key, entry] of this.entries) entry.row.hidden = !this.matches(key);
  }

  mark(venue, symbol) {
    for (const entry of this.entries.values()) {
      const chosen = entry.venue === venue && entry.symbol === symbol;
      if (chosen) {
        entry.button.setAttribute('aria-current', 'true');
        entry.row.scrollIntoView({ block: 'nearest', inline: 'nearest' });
      } else entry.button.removeAttribute('aria-current');
    }
  }

  show(venue, symbol, price, change) {
    const entry = this.entry(venue, symbol);
    if (price !== undefined) entry.price.show(price);
    if (change) {
      set(entry.parts.change, change.text);
      entry.parts.change.className = `change ${change.way}`;
    }
  }
}
