// A server that a test makes up: it speaks the protocol to the page's socket and says whatever the test wants.

const second = 1_000_000;

export class Market {
  constructor(symbols, { venue = 'MADE' } = {}) {
    this.symbols = symbols; // as names of rooms have them
    this.venue = venue;
    this.rooms = new Map(); // joined: seq by room
    this.sent = 0;
  }

  // serve answers the page's requests and its socket.
  async serve(page, listed) {
    await page.route('**/v1/symbols', (route) => route.fulfill({ json: { symbols: listed } }));
    await page.route('**/v1/archive', (route) => route.fulfill({ json: { logs: [] } }));
    await page.routeWebSocket('**/v1/stream*', (socket) => {
      this.socket = socket;
      this.rooms.clear();
      socket.onMessage((text) => [JSON.parse(text)].flat().forEach((command) => this.command(command)));
      this.say([{
        t: 'hello', v: 1, node: '<b>node</b>', conn: 'c', ts: Date.now() * 1000, heartbeat: 10_000,
        limits: { rooms: 1000, commandsPerSecond: 100, frameBytes: 163_840 }, intervals: ['0', '100ms', '250ms', '1s'],
        depths: ['5', '10', '20', '50'], widths: ['1m', '5m'], snapshotTrades: 50, snapshotCandles: 200, timeline: 'live',
      }]);
    });
  }

  say(messages) {
    this.sent += messages.length;
    this.socket.send(JSON.stringify(messages));
  }

  command({ op, id, rooms = [], interval }) {
    if (op === 'ping') return this.say([{ t: 'ok', id, op, ts: Date.now() * 1000 }]);
    const names = rooms.map((room) => (typeof room === 'string' ? { room } : room));
    if (op === 'unsubscribe') for (const { room } of names) this.rooms.delete(room);
    if (op !== 'subscribe') return this.say([{ t: 'ok', id, op, rooms: names }]);
    const granted = names.map((n) => ({
      room: n.room, state: 'live', interval: n.interval ?? interval ?? '0', origin: 'venue', loss: n.room.startsWith('trades') ? 'never' : 'fold', epoch: 'e',
    }));
    this.say([{ t: 'ok', id, op, rooms: granted }, ...names.map(({ room }) => this.snapshot(room))]);
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
      owed += (perSecond * (now - before)) / 1000;
      before = now;
      const rooms = [...this.rooms.keys()];
      const messages = [];
      for (; owed >= 1 && rooms.length > 0; owed--) messages.push(this.change(rooms[Math.floor(Math.random() * rooms.length)]));
      if (messages.length > 0) this.say(messages);
    }, every);
    return () => clearInterval(timer);
  }
}
