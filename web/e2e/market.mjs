// A server that a test makes up: it serves the built page, speaks the protocol to its socket, and says whatever the test wants.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import path from 'node:path';

const built = path.join(path.dirname(fileURLToPath(import.meta.url)), '../../server/page');
const types = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css' };
const second = 1_000_000;

// escape writes a symbol as it stands in the names of rooms.
const escape = (symbol) => symbol.replace(/[:@,*%"\\<>&\x00-\x20\x7f]/g, (c) => '%' + c.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0'));

export class Market {
  rooms = new Map(); // joined: seq by room
  sent = 0; // messages

  // serve answers on a port of its own: the page, and that these symbols are live.
  async serve(listed) {
    this.names = listed.map(({ venue, symbol }) => `${venue}:${escape(symbol)}`);
    const policy = (await readFile(path.join(built, 'page.go'), 'utf8')).match(/const policy = ([^]*?)\n\n/)[1].split('"').filter((_, i) => i % 2).join('');
    this.server = createServer(async (request, response) => {
      const { pathname } = new URL(request.url, 'http://made');
      if (pathname === '/v1/symbols' || pathname === '/v1/archive') return response.end(JSON.stringify({ symbols: listed, logs: [] }));
      const name = pathname === '/' ? 'index.html' : path.basename(pathname);
      response.setHeader('Content-Type', types[path.extname(name)] ?? 'text/plain');
      response.setHeader('Content-Security-Policy', policy);
      response.end(await readFile(path.join(built, name)).catch(() => ''));
    });
    this.server.on('upgrade', (request, socket) => this.greet(request, socket));
    await new Promise((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    this.url = `http://127.0.0.1:${this.server.address().port}`;
  }

  close() {
    this.socket?.destroy();
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(resolve));
  }

  // greet opens the WebSocket, as RFC 6455 has it, and says hello.
  greet(request, socket) {
    const accept = createHash('sha1').update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\nSec-WebSocket-Protocol: tapedeck.v1.json\r\n\r\n`);
    socket.on('error', () => {});
    this.socket = socket;
    this.rooms.clear();
    let held = Buffer.alloc(0);
    socket.on('data', (data) => {
      held = Buffer.concat([held, data]);
      for (let frame = take(held); frame; frame = take(held)) {
        held = held.subarray(frame.size);
        if (frame.opcode === 1) for (const command of [JSON.parse(frame.text)].flat()) this.command(command);
      }
    });
    this.say([{
      t: 'hello', v: 1, node: '<b>node</b>', conn: 'c', ts: Date.now() * 1000, heartbeat: 10_000,
      limits: { rooms: 1000, commandsPerSecond: 100, frameBytes: 163_840 }, intervals: ['0', '100ms', '250ms', '1s'],
      depths: ['5', '10', '20', '50'], widths: ['1m', '5m'], snapshotTrades: 50, snapshotCandles: 200, timeline: 'live',
    }]);
  }

  say(messages) {
    this.sent += messages.length;
    const body = Buffer.from(JSON.stringify(messages));
    const head = Buffer.alloc(body.length < 126 ? 2 : 4);
    head[0] = 0x81; // a whole text
    head[1] = Math.min(body.length, 126);
    if (body.length >= 126) head.writeUInt16BE(body.length, 2);
    this.socket.write(Buffer.concat([head, body]));
  }

  command({ op, id, rooms = [], interval }) {
    if (op === 'ping') return this.say([{ t: 'ok', id, op, ts: Date.now() * 1000 }]);
    const names = rooms.map((room) => (typeof room === 'string' ? { room } : room)).flatMap((wish) => this.members(wish));
    if (op === 'unsubscribe') for (const { room } of names) this.rooms.delete(room);
    if (op !== 'subscribe') return this.say([{ t: 'ok', id, op, rooms: names }]);
    const granted = names.map((n) => ({
      room: n.room, state: 'live', interval: n.interval ?? interval ?? '0', origin: 'venue', loss: n.room.startsWith('trades') ? 'never' : 'fold', epoch: 'e',
    }));
    this.say([{ t: 'ok', id, op, rooms: granted }, ...names.map(({ room }) => this.snapshot(room))]);
  }

  // members are the rooms of a standing order, such as ticker:MADE:*.
  members(wish) {
    if (!wish.room.endsWith(':*')) return [wish];
    const [channel, venue] = wish.room.split(':');
    return this.names.filter((name) => name.startsWith(`${venue}:`)).map((name) => ({ ...wish, room: `${channel}:${name}` }));
  }

  snapshot(room) {
    this.rooms.set(room, 1);
    return { t: 'snapshot', room, epoch: 'e', seq: 1, ts: Date.now() * 1000, d: this.whole(room) };
  }

  whole(room) {
    const px = (i) => (100 + i / 100).toFixed(2);
    switch (room.split(':')[0]) {
      case 'book':
        return { bids: Array.from({ length: 20 }, (_, i) => [px(-i - 1), '1.5']), asks: Array.from({ length: 20 }, (_, i) => [px(i + 1), '2.5']) };
      case 'trades':
        return [this.trade()];
      case 'candles@1m':
      case 'candles': {
        const start = Math.floor(Date.now() / 60_000) * 60 * second;
        return Array.from({ length: 100 }, (_, i) => ({ start: start - (99 - i) * 60 * second, o: '100', h: '101', l: '99', c: px(i), v: '5', n: 3, final: i < 99, rev: 0 }));
      }
      default:
        return { last: '100.00', open: '99.00', high: '101.00', low: '98.00', volume: '5', quoteVolume: '500' };
    }
  }

  trade() {
    return { id: String(this.sent), px: (100 + Math.random()).toFixed(2), qty: '0.5', side: Math.random() < 0.5 ? 'buy' : 'sell', ts: Date.now() * 1000 };
  }

  // change is one update of a joined room.
  change(room) {
    const prev = this.rooms.get(room);
    if (prev === undefined) return undefined;
    this.rooms.set(room, prev + 1);
    const update = (d) => ({ t: 'update', room, prev, seq: prev + 1, n: 1, ts: Date.now() * 1000, d });
    const size = (Math.random() * 9).toFixed(3);
    switch (room.split(':')[0]) {
      case 'book':
        return update({ bids: [[(99.8 + Math.floor(Math.random() * 20) / 100).toFixed(2), size]], asks: [[(100.01 + Math.floor(Math.random() * 20) / 100).toFixed(2), size]] });
      case 'trades':
        return update([this.trade()]);
      case 'candles':
        return update([{ start: Math.floor(Date.now() / 60_000) * 60 * second, o: '100', h: '102', l: '98', c: this.trade().px, v: size, n: 9, final: false, rev: 0 }]);
      default:
        return update({ last: this.trade().px });
    }
  }

  // busy says perSecond updates over all joined rooms, in as many frames as a server would, until it is stopped.
  busy(perSecond) {
    const every = 10;
    let [owed, before] = [0, Date.now()];
    const timer = setInterval(() => {
      const now = Date.now();
      owed = Math.min(owed + (perSecond * (now - before)) / 1000, perSecond / 5);
      before = now;
      const rooms = [...this.rooms.keys()];
      const messages = [];
      for (; owed >= 1 && rooms.length > 0; owed--) messages.push(this.change(rooms[Math.floor(Math.random() * rooms.length)]));
      for (let i = 0; i < messages.length; i += 200) this.say(messages.slice(i, i + 200)); // a frame is 64 KiB at most
    }, every);
    return () => clearInterval(timer);
  }
}

// take reads one masked frame of a client; undefined where it is not whole yet.
function take(held) {
  if (held.length < 6) return undefined;
  const short = held[1] & 0x7f;
  const at = short === 126 ? 4 : 2; // a page says nothing longer
  const length = short === 126 ? held.readUInt16BE(2) : short;
  if (held.length < at + 4 + length) return undefined;
  const mask = held.subarray(at, at + 4);
  const body = Buffer.from(held.subarray(at + 4, at + 4 + length));
  for (let i = 0; i < length; i++) body[i] ^= mask[i & 3];
  return { opcode: held[0] & 0xf, text: body.toString(), size: at + 4 + length };
}
