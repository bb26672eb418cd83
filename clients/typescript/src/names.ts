// Names of rooms: channel:VENUE:SYMBOL[@variant].

const reserved = /[:@,*%"\\<>&\x00-\x20\x7f]/g;

export interface RoomName {
  channel: string;
  venue: string;
  symbol: string; // as it is in the name: percent-encoded
  variant: string;
}

// parseRoom splits a name at its first two ":" and its last "@"; undefined where it is none.
export function parseRoom(name: string): RoomName | undefined {
  const one = name.indexOf(':');
  const two = name.indexOf(':', one + 1);
  if (one < 1 || two < 0) return undefined;
  const at = name.lastIndexOf('@');
  const end = at > two ? at : name.length;
  return { channel: name.slice(0, one), venue: name.slice(one + 1, two), symbol: name.slice(two + 1, end), variant: name.slice(end + 1) };
}

// escapeSymbol makes a symbol such as a venue's own "BTC:USD" a part of a name; one that is none already stays as it is.
export const escapeSymbol = (symbol: string): string => symbol.replace(reserved, (c) => '%' + c.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0'));

export const isPattern = (name: string): boolean => name.includes(':*');

// matches tells whether a standing order such as "ticker:BINANCE:*" brings a room.
export function matches(pattern: string, name: string): boolean {
  const p = parseRoom(pattern);
  const n = parseRoom(name);
  return !!p && !!n && p.channel === n.channel && p.venue === n.venue && p.variant === n.variant;
}

const units: Record<string, number> = { us: 1e-3, ms: 1, s: 1e3, m: 6e4, h: 3.6e6, d: 8.64e7 };

// millis of an interval such as "250ms", or of a candle's width; 0 where it is none.
export function millis(text: string): number {
  let sum = 0;
  for (const [, n, unit] of text.matchAll(/([\d.]+)(us|ms|s|m|h|d)/g)) sum += Number(n) * (units[unit!] ?? 0);
  return sum;
}
