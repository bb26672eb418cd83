// The candles of one room, and where they stand in a picture.

export class Candles {
  constructor(limit) {
    this.limit = limit;
    this.clear();
  }

  clear() {
    this.byStart = new Map();
  }

  replace(body) {
    this.clear();
    this.apply(body);
  }

  // apply takes candles that are new or changed.
  apply(body) {
    for (const candle of body ?? []) this.byStart.set(candle.start, candle);
    const late = [...this.byStart.keys()].sort((a, b) => a - b).slice(0, -this.limit);
    for (const start of late) this.byStart.delete(start);
  }

  // last returns up to count candles, oldest first.
  last(count) {
    return [...this.byStart.values()].sort((a, b) => a.start - b.start).slice(-count);
  }
}

const narrow = 8; // px that a candle has at least, with the space beside it
const wide = 22; // and at most

// layout places candles in a picture of that size, the newest at its right edge: as many as fit, as wide
// as there is room for. Volumes take its lowest part. Floats are good enough for pixels; what is written keeps its text.
export function layout(candles, { width, height, foot = 0.2 }) {
  const shown = candles.slice(-Math.max(1, Math.floor(width / narrow)));
  if (shown.length === 0) return null;
  const step = Math.min(wide, width / shown.length);
  const high = shown.reduce((a, c) => (Number(c.h) > Number(a) ? c.h : a), shown[0].h);
  const low = shown.reduce((a, c) => (Number(c.l) < Number(a) ? c.l : a), shown[0].l);
  const most = Math.max(...shown.map((c) => Number(c.v)));
  const [span, room] = [high - low, height * (1 - foot) - 12];
  const y = (price) => 6 + (span === 0 ? room / 2 : ((high - price) / span) * room);
  const bars = shown.map((c, i) => {
    const [open, close] = [y(c.o), y(c.c)];
    return {
      start: c.start,
      x: Math.round(width - (shown.length - i) * step),
      width: Math.floor(step * 0.8),
      top: Math.min(open, close),
      body: Math.max(1, Math.abs(open - close)),
      wick: [y(c.h), y(c.l)],
      volume: most > 0 ? (Number(c.v) / most) * height * foot * 0.9 : 0,
      way: Number(c.c) >= Number(c.o) ? 'up' : 'down',
    };
  });
  return { bars, high, low, y };
}
