// Exact decimals in plain notation, as the stream carries them. Floats would make 0.1 + 0.2 a
// price, and 1.10 another one than 1.1.

export interface Decimal {
  n: bigint; // all digits
  scale: number; // how many of them are decimals
}

export const zero: Decimal = { n: 0n, scale: 0 };

export function parse(text: string): Decimal {
  const dot = text.indexOf('.');
  if (dot < 0) return { n: BigInt(text), scale: 0 };
  return { n: BigInt(text.slice(0, dot) + text.slice(dot + 1)), scale: text.length - dot - 1 };
}

// text is the inverse of parse.
export function text({ n, scale }: Decimal): string {
  const sign = n < 0n ? '-' : '';
  const digits = (n < 0n ? -n : n).toString().padStart(scale + 1, '0');
  if (scale === 0) return sign + digits;
  return `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

function align(a: Decimal, b: Decimal): [bigint, bigint, number] {
  if (a.scale === b.scale) return [a.n, b.n, a.scale];
  const scale = Math.max(a.scale, b.scale);
  const at = (x: Decimal) => x.n * 10n ** BigInt(scale - x.scale);
  return [at(a), at(b), scale];
}

export function add(a: Decimal, b: Decimal): Decimal {
  const [x, y, scale] = align(a, b);
  return { n: x + y, scale };
}

export function subtract(a: Decimal, b: Decimal): Decimal {
  const [x, y, scale] = align(a, b);
  return { n: x - y, scale };
}

// compare orders by value: "1.10" and "1.1" are the same.
export function compare(a: Decimal, b: Decimal): number {
  const [x, y] = align(a, b);
  return x < y ? -1 : x > y ? 1 : 0;
}

// ratio is a/b as a float: good for the width of a bar or a percentage, for nothing else.
export function ratio(a: Decimal, b: Decimal): number {
  const [x, y] = align(a, b);
  return y === 0n ? 0 : Number((x * 1_000_000n) / y) / 1_000_000;
}

// Places writes the numbers of one kind with the same number of decimals: as many as any of them has
// needed. Venues write more zeros than a person wants to see.
export class Places {
  most = 0;

  // see takes numbers into account before any of them is written.
  see(...texts: string[]): this {
    for (const text of texts) {
      const dot = text.indexOf('.');
      if (dot < 0) continue;
      let end = text.length;
      while (text.charCodeAt(end - 1) === 48) end--;
      this.most = Math.max(this.most, end - dot - 1);
    }
    return this;
  }

  text(text: string): string {
    this.see(text);
    const [whole = '', part = ''] = text.split('.');
    return grouped(whole) + (this.most > 0 ? `.${part.slice(0, this.most).padEnd(this.most, '0')}` : '');
  }
}

const grouped = (whole: string) => whole.replace(/\B(?=(\d{3})+$)/g, ',');

// brief is a large number as one says it: 1.23 M. It is for reading only.
export function brief(text: string): string {
  const [whole = '', part = ''] = text.split('.');
  for (const [zeros, unit] of [[9, 'B'], [6, 'M'], [3, 'K']] as const) {
    if (whole.length > Math.max(zeros, 4)) return `${grouped(whole.slice(0, -zeros))}.${whole.slice(-zeros).slice(0, 2)} ${unit}`;
  }
  return part ? `${grouped(whole)}.${part.slice(0, 2)}` : grouped(whole);
}
