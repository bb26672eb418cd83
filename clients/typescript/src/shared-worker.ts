// The script of the SharedWorker that keeps one socket for all tabs: to the server it is one client, and to each tab it is a
// server, with the same messages.

import { Feed, type Options } from './feed.js';
import type { Gap, Grant, Message, Snapshot, Status, Update } from './messages.js';
import { isPattern } from './names.js';
import type { Room } from './room.js';
import type { FromWorker, Port, ToWorker } from './shared.js';

interface Command {
  op: string;
  id?: string | number;
  rooms?: (string | { room: string; interval?: string; last?: number })[];
}

const silence = 150_000; // ms: browsers let a hidden tab's timers run once a minute, and tabs ping every 10 s

// Workshop has the feeds of a worker, by address, and its tabs.
export class Workshop {
  private readonly feeds = new Map<string, { feed: Feed; tabs: Set<Tab> }>();

  constructor(private readonly options: Options = {}) {}

  // welcome takes a tab's port.
  welcome(port: Port): void {
    let tab: Tab | undefined;
    port.onmessage = (event: { data: ToWorker }) => {
      const { data } = event;
      if ('open' in data) tab ??= this.open(port, data);
      else if ('close' in data) tab?.end();
      else if ('token' in data) tab?.answer(data.token);
      else for (const command of [data.send].flat() as Command[]) tab?.command(command);
    };
    port.start?.();
  }

  private open(port: Port, wish: Extract<ToWorker, { open: string }>): Tab {
    let there = this.feeds.get(wish.open);
    if (!there) {
      const tabs = new Set<Tab>();
      const auth = () => {
        const tab = [...tabs].findLast((tab) => tab.auth);
        return tab ? tab.token() : Promise.reject(new Error('no tab gives one'));
      };
      const feed = new Feed(wish.open, { ...wish.options, ...this.options, ...(wish.auth ? { auth } : {}), shared: false });
      there = { feed, tabs };
      this.feeds.set(wish.open, there);
    }
    const { feed, tabs } = there;
    const tab = new Tab(port, feed, wish.auth, () => {
      tabs.delete(tab);
      if (tabs.size > 0) return;
      this.feeds.delete(wish.open);
      feed.close();
    });
    tabs.add(tab);
    feed.connect();
    return tab;
  }
}

// Tab is what the worker is to one tab.
class Tab {
  private readonly rooms = new Map<string, Room<any, any>>();
  private readonly joined = new Set<string>(); // those that it was told are granted
  private readonly undo: (() => void)[] = [];
  private frame: Message[] = [];
  private heard = Date.now();
  private tokens: ((token: string | undefined) => void)[] = [];

  constructor(private readonly port: Port, private readonly feed: Feed, readonly auth: boolean, private readonly over: () => void) {
    if (feed.hello) this.greet();
    this.undo.push(
      feed.on('hello', () => this.greet()),
      feed.on('state', () => this.linkIs()),
      feed.on('heartbeat', (message) => this.say(message)),
      feed.on('bye', (message) => void message),
    );
    const timer = setInterval(() => this.look(), 3_000);
    this.undo.push(() => clearInterval(timer));
  }

  private greeted = false;

  private greet(): void {
    if (!this.greeted) this.say(this.feed.hello!);
    this.greeted = true;
    this.linkIs();
  }

  private linkIs(): void {
    const { state, reason } = this.feed;
    if (this.greeted) this.say({ t: 'link', state, reason });
    if (state !== 'closed') return;
    this.post({ end: { code: 4500, reason } });
    this.end();
  }

  // look is a sign of life while the server gives none, and ends a tab that is gone.
  private look(): void {
    if (Date.now() - this.heard > silence) {
      this.post({ end: { code: 4002, reason: 'no sign of life' } });
      this.end();
    } else if (this.greeted && this.feed.state !== 'open') this.linkIs();
  }

  end(): void {
    for (const undo of this.undo.splice(0)) undo();
    for (const room of [...this.rooms.values()]) room.close();
    this.rooms.clear();
    this.over();
  }

  token(): Promise<string> {
    this.post({ auth: true });
    return new Promise((resolve, reject) => this.tokens.push((token) => (token ? resolve(token) : reject(new Error('the tab gave none')))));
  }

  answer(token: string | undefined): void {
    for (const give of this.tokens.splice(0)) give(token);
  }

  command(command: Command): void {
    this.heard = Date.now();
    const { op, id } = command;
    const answer = id === undefined ? {} : { id };
    switch (op) {
      case 'ping':
        return this.say({ t: 'ok', ...answer, op, ts: this.feed.serverTime() });
      case 'subscribe':
        for (const wish of command.rooms ?? []) this.join(typeof wish === 'string' ? { room: wish } : wish, answer);
        return this.say({ t: 'ok', ...answer, op, rooms: [] });
      case 'unsubscribe':
        for (const name of command.rooms ?? []) this.leave(String(name));
        return this.say({ t: 'ok', ...answer, op, rooms: [] });
      default:
        this.say({ t: 'error', ...answer, code: 'unknown_op', message: `${op} is not for a shared connection`, retry: false });
    }
  }

  // join answers once the server has; a tab that asks again for what it has, as after a fault, has its state anew.
  private join(wish: { room: string; interval?: string; last?: number }, answer: { id?: string | number }): void {
    const { room: name, interval, last } = wish;
    const options = { ...(interval === undefined ? {} : { interval }), ...(last === undefined ? {} : { last }) };
    let room = this.rooms.get(name);
    const known = room !== undefined;
    if (!room) {
      room = this.feed.room(name, options);
      this.rooms.set(name, room);
      this.forward(room);
    } else room.configure(options);
    const grant = room.grant;
    if (isPattern(name)) for (const topic of room.members.values()) topic.grant && this.begin(topic.grant, {}, topic.snapshot());
    else if (grant && known && this.joined.has(name)) this.begin(grant, answer, 'since' in wish ? room.now() : undefined);
    else if (grant) this.begin(grant, answer, room.now());
    else this.waiting.set(name, answer);
  }

  private readonly waiting = new Map<string, { id?: string | number }>(); // rooms that the server has not answered for

  // begin says that a room is granted and, where it is known, what it is.
  private begin(grant: Grant, answer: { id?: string | number }, snapshot: Snapshot | undefined): void {
    this.joined.add(grant.room);
    this.say({ t: 'ok', ...answer, op: 'subscribe', rooms: [{ ...grant, recovered: false }] });
    if (snapshot) this.say(snapshot);
  }

  private forward(room: Room<any, any>): void {
    const tell = (message: Snapshot | Update | Gap | Status | undefined) => {
      if (message?.room && this.joined.has(message.room)) this.say(message);
    };
    for (const event of ['snapshot', 'update', 'gap', 'status'] as const) room.on(event, tell);
    room.on('grant', (grant) => {
      if (this.joined.has(grant.room)) return;
      const answer = this.waiting.get(grant.room) ?? {};
      this.waiting.delete(grant.room);
      this.begin(grant, answer, undefined);
    });
    room.on('error', (error) => {
      this.say({ t: 'error', code: 'code' in error ? error.code : 'internal', message: error.message, room: room.name, retry: error.retry });
      if (!error.retry) this.rooms.delete(room.name);
    });
  }

  private leave(name: string): void {
    const room = this.rooms.get(name);
    for (const member of room?.members.keys() ?? []) this.joined.delete(member);
    this.rooms.delete(name);
    this.waiting.delete(name);
    room?.close();
  }

  // say puts all of one turn into one frame.
  private say(message: Message): void {
    if (this.frame.push(message) > 1) return;
    queueMicrotask(() => {
      this.post({ frame: this.frame });
      this.frame = [];
    });
  }

  private post(message: FromWorker): void {
    this.port.postMessage(message);
  }
}

// Within a SharedWorker it begins at once.
if ('SharedWorkerGlobalScope' in globalThis) {
  const workshop = new Workshop();
  (globalThis as unknown as { onconnect: (event: { ports: Port[] }) => void }).onconnect = (event) => workshop.welcome(event.ports[0]!);
}
