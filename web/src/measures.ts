// Counts of the link, as a person reads them: per second, over the last minute.

// Rate turns a count that only grows into one per second.
export class Rate {
  private before: { count: number; at: number } | undefined;

  // next takes the count at a time in ms, and returns how fast it grew since the last.
  next(count: number, at: number): number {
    const before = this.before;
    this.before = { count, at };
    if (!before || at <= before.at || count < before.count) return 0;
    return ((count - before.count) * 1000) / (at - before.at);
  }
}

// History is the last values of one measure, for a sparkline.
export class History {
  readonly values: number[] = [];
  constructor(readonly limit: number) {}

  add(value: number): void {
    this.values.push(value);
    if (this.values.length > this.limit) this.values.shift();
  }

  // points are the corners of a line in a picture of that size, the newest at its right edge.
  points(width: number, height: number): string {
    const most = Math.max(...this.values, 1e-9);
    const step = width / (this.limit - 1);
    const left = width - (this.values.length - 1) * step;
    return this.values.map((v, i) => `${(left + i * step).toFixed(1)},${(height - 1 - (v / most) * (height - 2)).toFixed(1)}`).join(' ');
  }
}

// median of a list; undefined of an empty one.
export function median(list: readonly number[]): number | undefined {
  return [...list].sort((a, b) => a - b)[list.length >> 1];
}

export function rate(perSecond: number): string {
  return perSecond < 10 ? perSecond.toFixed(1) : Math.round(perSecond).toLocaleString('en');
}

export function bytes(perSecond: number): string {
  if (perSecond < 1000) return `${Math.round(perSecond)} B/s`;
  if (perSecond < 1e6) return `${(perSecond / 1e3).toFixed(1)} kB/s`;
  return `${(perSecond / 1e6).toFixed(1)} MB/s`;
}
