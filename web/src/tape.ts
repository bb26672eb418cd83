// The tape: the last trades, newest first, with a line where some are missing.

import type { Gap, Trade } from '@tapedeck/client';
import { $, fit, set, type Row } from './dom.ts';
import type { Places } from './decimal.ts';

type Line = Trade | { gap: string };

const clock = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium', hourCycle: 'h23' });

function time(micros: number): string {
  const date = new Date(micros / 1000);
  return `${clock.format(date)}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}

export class Tape {
  private lines: Line[] = []; // oldest first
  private came = 0; // lines, ever
  private drawn = 0; // of them
  private decimals = ''; // with which they are written
  private readonly list = $('tape');
  private readonly rows: Row[] = []; // newest first
  constructor(private readonly count: number) {
    fit(this.list, this.rows, count, ['price', 'size', 'time']);
  }

  clear(): void {
    this.lines = [];
    this.drawn = -Infinity;
  }

  add(trades: readonly Trade[]): void {
    this.put(trades.slice(-this.count));
  }

  gap({ n, records, reason }: Pick<Gap, 'n' | 'records' | 'reason'>): void {
    const what = n !== undefined ? `${n} trades` : records !== undefined ? `${records} records` : 'some trades';
    this.put([{ gap: `${what} missing (${reason})` }]);
  }

  private put(lines: readonly Line[]): void {
    this.lines.push(...lines);
    this.lines.splice(0, this.lines.length - this.count);
    this.came += lines.length;
  }

  // last is the newest trade's price.
  get last(): string | undefined {
    const trade = this.lines.findLast((line): line is Trade => 'px' in line);
    return trade?.px;
  }

  // show draws the lines that are new: the lowest rows are taken for them, to the top.
  show(prices: Places, sizes: Places): void {
    for (const line of this.lines.slice(-Math.min(this.count, this.came - this.drawn))) {
      if (!('px' in line)) continue;
      prices.see(line.px);
      sizes.see(line.qty);
    }
    const decimals = `${prices.most}.${sizes.most}`;
    const fresh = decimals === this.decimals ? Math.min(this.count, this.came - this.drawn) : this.count;
    [this.drawn, this.decimals] = [this.came, decimals];
    if (fresh < this.count) {
      const taken = this.rows.splice(this.count - fresh);
      this.rows.unshift(...taken);
      this.list.prepend(...taken.map(({ row }) => row));
    }
    this.rows.slice(0, fresh).forEach((row, i) => write(row, this.lines[this.lines.length - 1 - i], prices, sizes));
    $('no-trades').hidden = this.lines.length > 0;
  }
}

function write({ row, cells: [price, size, at] }: Row, line: Line | undefined, prices: Places, sizes: Places): void {
  row.hidden = !line;
  if (!line) return;
  const gap = 'gap' in line;
  row.className = gap ? 'gap' : line.side === 'buy' || line.side === 'sell' ? line.side : 'unknown';
  set(price!, gap ? line.gap : prices.text(line.px));
  set(size!, gap ? '' : sizes.text(line.qty));
  set(at!, gap || !line.ts ? '' : time(line.ts));
}
