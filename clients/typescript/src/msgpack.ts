// MessagePack: reads all that the server writes, and what a later one may add in fields that are ignored; writes what commands are made of.

const utf8 = new TextDecoder();

export function decode(data: ArrayBuffer | Uint8Array): unknown {
  const reader = new Reader(data instanceof Uint8Array ? data : new Uint8Array(data));
  const value = reader.value();
  if (reader.at !== reader.bytes.length) throw new RangeError('bytes behind the value');
  return value;
}

class Reader {
  at = 0;
  private readonly view: DataView;

  constructor(readonly bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  value(): unknown {
    const b = this.uint(1);
    if (b < 0x80) return b;
    if (b < 0x90) return this.map(b & 15);
    if (b < 0xa0) return this.list(b & 15);
    if (b < 0xc0) return this.text(b & 31);
    if (b >= 0xe0) return b - 256;
    switch (b) {
      case 0xc0: return null;
      case 0xc2: return false;
      case 0xc3: return true;
      case 0xc4: case 0xc5: case 0xc6: return this.skip(this.uint(1 << (b - 0xc4)));
      case 0xc7: case 0xc8: case 0xc9: return this.skip(this.uint(1 << (b - 0xc7)) + 1);
      case 0xca: return this.view.getFloat32(this.take(4));
      case 0xcb: return this.view.getFloat64(this.take(8));
      case 0xcc: case 0xcd: case 0xce: case 0xcf: return this.uint(1 << (b - 0xcc));
      case 0xd0: return this.view.getInt8(this.take(1));
      case 0xd1: return this.view.getInt16(this.take(2));
      case 0xd2: return this.view.getInt32(this.take(4));
      case 0xd3: return Number(this.view.getBigInt64(this.take(8)));
      case 0xd4: case 0xd5: case 0xd6: case 0xd7: case 0xd8: return this.skip((1 << (b - 0xd4)) + 1);
      case 0xd9: case 0xda: case 0xdb: return this.text(this.uint(1 << (b - 0xd9)));
      case 0xdc: case 0xdd: return this.list(this.uint(2 << (b - 0xdc)));
      case 0xde: case 0xdf: return this.map(this.uint(2 << (b - 0xde)));
      default: throw new RangeError('a byte that MessagePack has not');
    }
  }

  private take(length: number): number {
    const from = this.at;
    if (from + length > this.bytes.length) throw new RangeError('cut off');
    this.at += length;
    return from;
  }

  private uint(length: number): number {
    const at = this.take(length);
    switch (length) {
      case 1: return this.bytes[at]!;
      case 2: return this.view.getUint16(at);
      case 4: return this.view.getUint32(at);
      default: return this.view.getUint32(at) * 2 ** 32 + this.view.getUint32(at + 4); // below 2^53
    }
  }

  private skip(length: number): undefined {
    this.take(length);
    return undefined;
  }

  // text of short ASCII, which is nearly all there is, is made without the decoder: its call costs more.
  private text(length: number): string {
    const from = this.take(length);
    const { bytes } = this;
    let text = '';
    for (let i = from; i < this.at; i++) {
      const c = bytes[i]!;
      if (c > 127 || length > 64) return utf8.decode(bytes.subarray(from, this.at));
      text += String.fromCharCode(c);
    }
    return text;
  }

  private list(length: number): unknown[] {
    const list: unknown[] = [];
    while (length-- > 0) list.push(this.value());
    return list;
  }

  private map(length: number): Record<string, unknown> {
    const map: Record<string, unknown> = {};
    while (length-- > 0) {
      const key = String(this.value());
      const value = this.value();
      if (key === '__proto__') continue; // an assignment would not make a field of it
      map[key] = value;
    }
    return map;
  }
}

const bytesOf = new TextEncoder();

// encode writes text, integers, booleans, null, and lists and objects of them; undefined fields are left out, as JSON leaves them.
export function encode(value: unknown): Uint8Array<ArrayBuffer> {
  const out: number[] = [];
  write(out, value);
  return new Uint8Array(out);
}

function write(out: number[], value: unknown): void {
  if (typeof value === 'string') {
    const text = bytesOf.encode(value);
    head(out, text.length, 0xa0, 31, 0xda);
    for (const byte of text) out.push(byte);
  } else if (typeof value === 'number') number(out, value);
  else if (typeof value === 'boolean') out.push(value ? 0xc3 : 0xc2);
  else if (Array.isArray(value)) {
    head(out, value.length, 0x90, 15, 0xdc);
    for (const item of value) write(out, item);
  } else if (value) {
    const fields = Object.entries(value).filter(([, field]) => field !== undefined);
    head(out, fields.length, 0x80, 15, 0xde);
    for (const [key, field] of fields) {
      write(out, key);
      write(out, field);
    }
  } else out.push(0xc0);
}

// head writes a length into the first byte where it fits, else behind one of two or four bytes.
function head(out: number[], length: number, short: number, most: number, long: number): void {
  if (length <= most) out.push(short | length);
  else if (length < 0x10000) out.push(long, length >> 8, length & 255);
  else out.push(long + 1, length >>> 24, (length >> 16) & 255, (length >> 8) & 255, length & 255);
}

// number writes an integer of up to 127 in a byte, and others as eight: there are few in a command. What is no integer is a float.
function number(out: number[], value: number): void {
  if (Number.isInteger(value) && value >= 0 && value < 128) out.push(value);
  else {
    const view = new DataView(new ArrayBuffer(8));
    if (Number.isSafeInteger(value)) view.setBigInt64(0, BigInt(value));
    else view.setFloat64(0, value);
    out.push(Number.isSafeInteger(value) ? 0xd3 : 0xcb, ...new Uint8Array(view.buffer));
  }
}
