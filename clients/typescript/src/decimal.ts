// Exact decimals in plain notation, as the stream carries them. They are compared as text: floats would make
// 0.1 + 0.2 a price, and a parse to BigInt costs more than the whole update of a level.

// compare orders two decimals by value, so "1.10" and "1.1" are the same: negative, 0 or positive.
export function compare(a: string, b: string): number {
  if (a === b) return 0;
  const minusA = a.charCodeAt(0) === 45;
  const minusB = b.charCodeAt(0) === 45;
  if (minusA && minusB) return magnitude(b, 1, a, 1);
  if (minusA) return isZero(a) && isZero(b) ? 0 : -1;
  if (minusB) return isZero(a) && isZero(b) ? 0 : 1;
  return magnitude(a, 0, b, 0);
}

export const isZero = (text: string): boolean => !/[1-9]/.test(text);

// magnitude compares what begins at i and at j, which have no sign.
function magnitude(a: string, i: number, b: string, j: number): number {
  while (a.charCodeAt(i) === 48) i++;
  while (b.charCodeAt(j) === 48) j++;
  const endA = whole(a, i);
  const endB = whole(b, j);
  if (endA - i !== endB - j) return endA - i - (endB - j);
  for (; i < endA; i++, j++) {
    const d = a.charCodeAt(i) - b.charCodeAt(j);
    if (d !== 0) return d;
  }
  for (i++, j++; i < a.length || j < b.length; i++, j++) {
    const d = (i < a.length ? a.charCodeAt(i) : 48) - (j < b.length ? b.charCodeAt(j) : 48);
    if (d !== 0) return d;
  }
  return 0;
}

function whole(text: string, from: number): number {
  const dot = text.indexOf('.', from);
  return dot < 0 ? text.length : dot;
}
