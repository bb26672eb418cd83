import { Clock } from './clock.js';
import { ClosedError, RefusedError, type TapedeckError } from './errors.js';
import { Emitter } from './events.js';
import { Link, type LinkHandler, type Socket, type SocketClass, type State } from './link.js';
import type { Bye, Candle, Gap, Grant, Heartbeat, Hello, Message, Ok, Quote, Refusal, Snapshot, Status, Ticker, Trade, Update, Book } from './messages.js';
import { escapeSymbol, isPattern, matches, millis } from './names.js';
import { quickest, Room, Topic, type BookOptions, type Hub, type RoomOptions } from './room.js';
import { PortSocket, type SharedWorkerClass } from './shared.js';

export interface Options {
  token?: string;
  auth?: () => Promise<string>; // gives a token when one is needed: at first, before it expires, when it was refused
  encoding?: 'json' | 'msgpack';
  interval?: string; // of rooms that say none
  hidden?: string | false; // the interval while the tab is hidden ("1s"); false: as ever
  WebSocket?: SocketClass; // where the platform has none, as Node 20
  shared?: boolean | string | URL; // one socket for all tabs, by a SharedWorker; its script's address where a bundler does not see to it
  SharedWorker?: SharedWorkerClass;
  backoff?: { first: number; longest: number }; // ms (500, 30000)
  connectTimeout?: number; // ms (10000)
  random?: () => number;
}

export interface Stats {
  frames: number;
  messages: number;
  bytes: number;
  received: number; // events
  folded: number; // events that came within another's update, as was asked
  snapshots: number;
  gaps: number;
  broken: number; // chains that did not hold: a fault of the server's
  connects: number;
}

export interface FeedEvents {
  state: State;
  status: Status; // a replay's
  gap: Gap;
  error: TapedeckError;
  bye: Bye;
  heartbeat: Heartbeat;
  hello: Hello;
  stats: Stats; // every second
  member: Grant; // a pattern brought a room
}

type Pending = { resolve: (ok: Ok) => void; reject: (error: TapedeckError) => void };

const pingEvery = 10_000; // ms
const pingsAtFirst = 4; // one right after the other: the first answers are slow

// Feed is a connection and its rooms. What it knows it keeps over any number of reconnects; each room says itself how it is.
export class Feed extends Emitter<FeedEvents> implements Hub {
  hello: Hello | undefined; // what the server offers
  reason = ''; // of the state
  lag: number | undefined; // as the last heartbeat said, ms
  readonly stats: Stats = { frames: 0, messages: 0, bytes: 0, received: 0, folded: 0, snapshots: 0, gaps: 0, broken: 0, connects: 0 };
  protected readonly link: Link;
  protected readonly clock = new Clock();
  private readonly topics = new Map<string, Topic>();
  private readonly rooms = new Set<Room<any, any>>();
  private readonly pending = new Map<string, Pending>();
  private readonly asked = new Map<string, string[]>(); // rooms by command
  private readonly wanted = new Set<string>(); // what the next frame subscribes to, or ends
  private flushing = false;
  private ids = 0;
  private pings = 0;
  private remote: State | undefined; // of a shared worker's connection
  private timers: ReturnType<typeof setInterval>[] = [];
  private hushed = false; // the tab is hidden
  private readonly undo: (() => void)[] = [];

  constructor(readonly url: string, protected readonly options: Options = {}) {
    super();
    const handler: LinkHandler = {
      state: (state, reason) => this.linkIs(state, reason),
      frame: (messages, bytes) => this.frame(messages, bytes),
      bye: (bye) => this.emit('bye', bye),
      error: (error) => this.emit('error', error),
    };
    const { token, auth, encoding = 'json', backoff = { first: 500, longest: 30_000 }, connectTimeout = 10_000, random = Math.random } = options;
    const shared = this.sharedWorker();
    const open = shared ?? ((address: string, protocol: string) => new (webSocket(options))(address, protocol));
    this.link = new Link(() => this.address(), { encoding, open, token: shared ? undefined : token, auth: shared ? undefined : auth, backoff, connectTimeout, random }, handler);
  }

  get state(): State {
    return this.link.state === 'open' && this.remote ? this.remote : this.link.state;
  }

  // latency of the last round trip, ms.
  get latency(): number | undefined {
    return this.clock.latency;
  }

  // clockOffset is how far the server's clock is ahead of ours, ms.
  get clockOffset(): number | undefined {
    return this.clock.offset;
  }

  // age of a time of the server's, such as a message's ts: ms; undefined until the clocks have been compared.
  age(micros: number): number | undefined {
    return this.clock.age(micros);
  }

  // serverTime is the server's clock now, µs.
  serverTime(): number {
    return this.clock.micros();
  }

  // http is the address of something that the server says over HTTP, such as "v1/symbols".
  http(path: string): string {
    return new URL(path, base(this.url).replace(/^ws/, 'http')).href;
  }

  trades(symbol: string, options?: RoomOptions): Room<readonly Trade[], Trade[]> {
    return this.room(`trades:${symbolOf(symbol)}`, options);
  }

  quotes(symbol: string, options?: RoomOptions): Room<Quote, Quote> {
    return this.room(`quotes:${symbolOf(symbol)}`, options);
  }

  book(symbol: string, options: BookOptions = {}): Room<Book, Book> {
    const { depth, ...rest } = options;
    return this.room(`book:${symbolOf(symbol)}${depth ? '@' + depth : ''}`, rest);
  }

  ticker(symbol: string, options?: RoomOptions): Room<Ticker, Ticker> {
    return this.room(`ticker:${symbolOf(symbol)}`, options);
  }

  // candles of a width that hello offers, such as "1m".
  candles(symbol: string, width: string, options?: RoomOptions): Room<readonly Candle[], Candle[]> {
    return this.room(`candles:${symbolOf(symbol)}@${width}`, options);
  }

  // room is any other, by its whole name, or a pattern such as ticker:BINANCE:*.
  room<V = unknown, D = unknown>(name: string, options: RoomOptions = {}): Room<V, D> {
    const room = new Room<V, D>(this, name, options);
    this.rooms.add(room);
    this.enter(room);
    this.connect();
    return room;
  }

  // connect opens the connection where there is none; the first room does so too.
  connect(): void {
    if (this.stats.connects === 0 && this.link.state === 'waiting') {
      this.listen();
      this.link.now();
    }
  }

  // now connects at once, instead of waiting for the next try.
  now(): void {
    this.link.now();
  }

  close(): void {
    for (const room of [...this.rooms]) room.close();
    this.link.close();
    for (const undo of this.undo.splice(0)) undo();
  }

  // request sends a command and gives its answer. It is rejected where the connection ends first.
  request(op: string, fields: object = {}): Promise<Ok> {
    const answer = new Promise<Ok>((resolve, reject) => {
      if (this.link.state !== 'open') {
        reject(new ClosedError(0, 'not connected'));
        return;
      }
      const id = this.id();
      this.pending.set(id, { resolve, reject });
      this.link.send({ op, id, ...fields });
    });
    answer.catch(() => {}); // who does not wait for it hears of it by "error"
    return answer;
  }

  // ping measures a round trip, in ms.
  ping(): Promise<number | undefined> {
    const id = `p${++this.ids}`;
    this.clock.asked(id);
    const answer = new Promise<Ok>((resolve, reject) => this.pending.set(id, { resolve, reject })).then(() => this.clock.latency);
    answer.catch(() => {}); // the connection's end is told by "state"
    this.link.send({ op: 'ping', id });
    return answer;
  }

  protected address(): string {
    return new URL('v1/stream', base(this.url)).href;
  }

  // opening are commands that must be carried out before the rooms are joined.
  protected opening(): object[] {
    return [];
  }

  protected timeline(_status: Status): void {}

  // present is called with the log's time of each message of a room, µs.
  protected present(_ts: number): void {}

  // forget lets the next connection begin every room anew.
  protected forget(): void {
    for (const topic of this.topics.values()) topic.chain.epoch = '';
  }

  private id(): string {
    return String(++this.ids);
  }

  // --- rooms

  private enter(room: Room<any, any>): void {
    if (room.pattern) {
      for (const topic of this.topics.values()) if (matches(room.name, topic.name)) this.bring(room, topic);
    } else this.bring(room, this.topicOf(room.name, room.options.keep));
    this.ask(room.name);
  }

  private bring(room: Room<any, any>, topic: Topic): void {
    topic.rooms.add(room);
    room.members.set(topic.name, topic);
  }

  private topicOf(name: string, keep = 1000): Topic {
    let topic = this.topics.get(name);
    if (topic) return topic;
    topic = new Topic(name, keep);
    this.topics.set(name, topic);
    for (const room of this.rooms) if (room.pattern && matches(room.name, name)) this.bring(room, topic);
    return topic;
  }

  ask(name: string): void {
    this.wanted.add(name);
    if (this.flushing) return;
    this.flushing = true;
    queueMicrotask(() => this.flush());
  }

  leave(room: Room<any, any>): void {
    this.rooms.delete(room);
    for (const topic of room.members.values()) {
      topic.rooms.delete(room);
      if (topic.rooms.size === 0) this.topics.delete(topic.name);
      if (!room.error) this.ask(topic.name);
    }
    if (room.pattern && !room.error) this.ask(room.name);
  }

  // move gives a room another name, with what it knows until that one's snapshot comes.
  move(room: Room<any, any>, name: string): void {
    const before = room.members.get(room.name);
    this.leave(room);
    room.members.clear();
    room.name = name;
    this.rooms.add(room);
    this.enter(room);
    const topic = room.members.get(name);
    if (before?.known && topic && !topic.known) {
      topic.state.replace(before.value);
      topic.known = true;
    }
  }

  linked(): boolean {
    return this.state === 'open';
  }

  // flush sends what was asked for since the last turn in one frame.
  private flush(): void {
    this.flushing = false;
    if (this.link.state !== 'open') {
      this.wanted.clear(); // hello asks for everything
      return;
    }
    const ended: string[] = [];
    const begun: string[] = [];
    for (const name of this.wanted) (this.has(name) ? begun : ended).push(name);
    this.wanted.clear();
    const commands: object[] = [];
    if (ended.length > 0) commands.push({ op: 'unsubscribe', id: this.id(), rooms: ended });
    if (begun.length > 0) commands.push(this.subscription(begun));
    if (commands.length > 0) this.link.send(commands.length === 1 ? commands[0]! : commands);
  }

  private has(name: string): boolean {
    if (!isPattern(name)) return this.topics.has(name);
    for (const room of this.rooms) if (room.name === name) return true;
    return false;
  }

  // subscription is one command for many rooms, each from where it was. Rooms come before patterns, which leave those alone
  // that were joined by name.
  private subscription(names: string[]): object {
    const id = this.id();
    names.sort((a, b) => Number(isPattern(a)) - Number(isPattern(b)));
    this.asked.set(id, names);
    return { op: 'subscribe', id, rooms: names.map((name) => this.wish(name, id)) };
  }

  private wish(name: string, id: string): object {
    const topic = this.topics.get(name);
    const rooms = topic ? [...topic.rooms] : [...this.rooms].filter((room) => room.name === name);
    let interval = quickest(rooms) ?? this.options.interval;
    const { hidden = '1s' } = this.options;
    if (this.hushed && hidden && millis(interval ?? '0') < millis(hidden)) interval = hidden;
    const last = Math.max(0, ...rooms.map((room) => room.options.last ?? 0)) || undefined;
    const anew = topic?.chain.idle;
    if (anew) topic!.chain.ask(id);
    return { room: name, interval: interval ?? (topic?.grant ? '0' : undefined), last, since: anew ? topic!.chain.since : undefined };
  }

  // --- the connection

  private linkIs(state: State, reason: string): void {
    this.reason = reason;
    if (state === 'connecting') this.stats.connects++;
    if (state === 'waiting' || state === 'closed') this.away(new ClosedError(0, reason || 'the connection ended'));
    this.emit('state', this.state);
    for (const room of this.rooms) room.restate();
  }

  private away(error: ClosedError): void {
    this.remote = undefined;
    for (const { reject } of this.pending.values()) reject(error);
    this.pending.clear();
    this.asked.clear();
    this.clock.forget();
    for (const topic of this.topics.values()) topic.chain.ask(undefined);
  }

  private frame(messages: Message[], bytes: number): void {
    const { stats } = this;
    stats.frames++;
    stats.bytes += bytes;
    stats.messages += messages.length;
    for (const message of messages) this.take(message);
  }

  private take(message: Message): void {
    switch (message.t) {
      case 'hello': return this.greeted(message);
      case 'ok': return this.confirmed(message);
      case 'error': return this.refused(message);
      case 'snapshot':
      case 'update':
      case 'gap': return this.told(message);
      case 'status': return this.status(message);
      case 'heartbeat':
        this.link.alive();
        this.lag = message.lag;
        return this.emit('heartbeat', message);
      case 'link': // of a shared worker
        this.remote = message.state === 'open' ? undefined : message.state;
        this.reason = message.reason ?? '';
        this.emit('state', this.state);
        for (const room of this.rooms) room.restate();
    }
  }

  private greeted(hello: Hello): void {
    this.hello = hello;
    this.wanted.clear();
    const commands = this.opening();
    const names = [...this.topics.keys()];
    for (const room of this.rooms) if (room.pattern && !names.includes(room.name)) names.push(room.name);
    if (names.length > 0) commands.push(this.subscription(names));
    if (commands.length > 0) this.link.send(commands);
    this.pings = 0;
    void this.ping();
    this.emit('hello', hello);
    this.emit('state', this.state);
  }

  private confirmed(ok: Ok): void {
    const id = ok.id === undefined ? undefined : String(ok.id);
    if (ok.op === 'subscribe') {
      for (const grant of ok.rooms ?? []) this.granted(grant, id);
    }
    if (id === undefined) return;
    this.asked.delete(id);
    if (ok.op === 'ping' && ok.ts !== undefined && this.clock.answered(id, ok.ts) && ++this.pings < pingsAtFirst) void this.ping();
    this.pending.get(id)?.resolve(ok);
    this.pending.delete(id);
  }

  private granted(grant: Grant, id: string | undefined): void {
    if (isPattern(grant.room)) return;
    const fresh = !this.topics.has(grant.room); // a pattern brought it, or it was left meanwhile
    const topic = this.topics.get(grant.room) ?? this.brought(grant.room);
    if (!topic) return;
    if (fresh) topic.chain.ask(id);
    topic.chain.granted(grant, id);
    topic.grant = grant;
    if (grant.state) topic.status = grant.state;
    for (const room of topic.rooms) room.granting(grant);
    if (fresh) this.emit('member', grant);
  }

  private brought(name: string): Topic | undefined {
    for (const room of this.rooms) if (room.pattern && matches(room.name, name)) return this.topicOf(name, room.options.keep);
    return undefined;
  }

  private refused(message: Refusal): void {
    const error = new RefusedError(message);
    const id = message.id === undefined ? '' : String(message.id);
    const names = message.room ? [message.room] : (this.asked.get(id) ?? []);
    const waiting = this.pending.get(id);
    waiting?.reject(error);
    this.pending.delete(id);
    if (!message.room) this.asked.delete(id);
    for (const name of names) this.topics.get(name)?.chain.refused(id);
    this.link.refused(message);
    if (message.retry && names.length > 0) {
      setTimeout(() => {
        for (const name of names) if (this.has(name)) this.ask(name);
      }, message.after ?? 1000);
    }
    for (const name of names) {
      for (const room of [...this.rooms]) if (room.name === name) room.refused(message);
    }
    this.emit('error', error);
  }

  private told(message: Snapshot | Update | Gap): void {
    const topic = this.topics.get(message.room);
    if (!topic) return; // left meanwhile
    const verdict = topic.chain.take(message);
    if (verdict === 'skip') return;
    if (verdict === 'broken') {
      this.stats.broken++;
      topic.chain.ask(undefined);
      this.ask(topic.name);
      for (const room of topic.rooms) room.restate();
      return;
    }
    if (message.t !== 'gap' && message.ts !== undefined) this.present((topic.ts = message.ts));
    this.count(message, topic);
    if (verdict === 'replace') {
      topic.known = true;
      topic.state.replace(message.t === 'gap' ? undefined : message.d);
      if (topic.status === 'stale' || topic.status === 'down') topic.status = 'live';
      topic.reason = '';
    } else if (message.t === 'update') topic.state.apply(message.d);
    for (const room of topic.rooms) room.tell(message);
    if (message.t === 'gap') this.emit('gap', message);
  }

  private count(message: Snapshot | Update | Gap, topic: Topic): void {
    const { stats } = this;
    if (message.t === 'gap') stats.gaps++;
    else if (message.t === 'snapshot') stats.snapshots++;
    else {
      stats.received += message.n;
      if (topic.chain.loss === 'fold') stats.folded += message.n - 1;
    }
  }

  private status(message: Status): void {
    if (message.room === undefined) {
      this.timeline(message);
      this.emit('status', message);
      return;
    }
    const topic = this.topics.get(message.room);
    if (!topic || topic.chain.state === 'asked') return;
    topic.status = message.state as Topic['status'];
    topic.reason = message.reason ?? '';
    for (const room of topic.rooms) room.tell(message);
  }

  // --- the surroundings

  private listen(): void {
    this.timers = [
      setInterval(() => this.emit('stats', this.stats), 1_000),
      setInterval(() => {
        if (this.link.state === 'open') void this.ping();
      }, pingEvery),
    ];
    this.undo.push(() => this.timers.forEach(clearInterval));
    if (typeof addEventListener === 'function' && typeof document !== 'undefined') {
      this.hear(globalThis, 'online', () => this.networkIsBack());
      this.hear(document, 'visibilitychange', () => this.hush(document.hidden));
      this.hushed = document.hidden;
    }
  }

  private hear(target: EventTarget, event: string, listener: () => void): void {
    target.addEventListener(event, listener);
    this.undo.push(() => target.removeEventListener(event, listener));
  }

  private networkIsBack(): void {
    if (this.link.state === 'open') {
      void this.ping();
      this.link.probe();
    } else this.link.now();
  }

  // hush asks for everything at the pace of a hidden tab, and later at its own again, by one command.
  private hush(hidden: boolean): void {
    if (this.hushed === hidden || this.options.hidden === false) return;
    this.hushed = hidden;
    for (const name of this.topics.keys()) this.ask(name);
    for (const room of this.rooms) if (room.pattern) this.ask(room.name);
  }

  private sharedWorker(): ((address: string, protocol: string) => Socket) | undefined {
    const { shared, SharedWorker: given, ...rest } = this.options;
    const Worker = given ?? (globalThis as { SharedWorker?: SharedWorkerClass }).SharedWorker;
    if (!shared || !Worker) return undefined;
    return (address) => PortSocket.open(Worker, shared, address, rest);
  }
}

// base is the folder of the server that a feed's address names.
export function base(url: string): string {
  const at = new URL(url.replace(/^http/, 'ws'));
  at.search = at.hash = '';
  at.pathname = at.pathname.replace(/v1\/(stream|replay)$/, '');
  if (!at.pathname.endsWith('/')) at.pathname += '/';
  return at.href;
}

// symbolOf makes "VENUE:SYMBOL" safe as a part of a room's name; symbols that are written as in names stay as they are.
function symbolOf(symbol: string): string {
  const colon = symbol.indexOf(':');
  const rest = symbol.slice(colon + 1);
  return symbol.slice(0, colon + 1) + (rest === '*' || /%[0-9A-F]{2}/.test(rest) ? rest : escapeSymbol(rest));
}

function webSocket(options: Options): SocketClass {
  const found = options.WebSocket ?? (globalThis as { WebSocket?: SocketClass }).WebSocket;
  if (!found) throw new Error('this platform has no WebSocket: pass one, as in connect(url, { WebSocket }) with that of the package "ws"');
  return found;
}
