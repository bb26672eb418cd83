// One connection to the stream that comes back by itself: full-jitter back-off, rooms resumed from
// where they were, and a connection without a sign of life given up.

import { Chain } from './room.js';

const firstDelay = 500;
const longestDelay = 30_000;

// delay is how long to wait before try number n: anything up to a bound that doubles, so that the
// clients of a node that went away do not come back all at once.
export function delay(n, random = Math.random) {
  return random() * Math.min(longestDelay, firstDelay * 2 ** Math.min(n, 16));
}

const pattern = (name) => name.includes(':*');

const final = (code) => code >= 4500 && code <= 4999;

// Link calls its handler: state(name, detail), hello(message), granted(room), room(verdict, message),
// frame(messages), heartbeat(message), pong(message), refused(message), broken(room).
export class Link {
  // world holds what a test replaces: open(address) makes a socket, later(fn, ms) returns a function
  // that cancels, random().
  constructor(address, handler, world) {
    this.address = address;
    this.handler = handler;
    this.world = world;
    this.wanted = new Map(); // by name or pattern: {interval}
    this.chains = new Map(); // by room, also those that a pattern brought
    this.tries = 0;
    this.cancel = () => {};
    this.silence = () => {};
    this.heartbeat = 10_000; // until hello tells it
    this.connect();
  }

  connect() {
    this.handler.state('connecting');
    this.last = null; // the server's bye, if it says one
    const socket = this.world.open(this.address);
    this.socket = socket;
    this.ready = false;
    socket.onmessage = (event) => this.frame(JSON.parse(event.data));
    socket.onclose = (event) => this.closed(socket, event.code, event.reason);
    this.watch();
  }

  closed(socket, code, reason) {
    if (socket !== this.socket) return;
    this.silence();
    this.socket = null;
    this.ready = false;
    for (const [room, chain] of this.chains) {
      if (this.wanted.has(room)) chain.ask();
      else this.chains.delete(room);
    }
    const stop = final(code) || this.last?.reconnect === false;
    if (stop) {
      this.handler.state('closed', this.last?.reason ?? reason);
      return;
    }
    const wait = (this.last?.after ?? 0) + delay(this.tries++, this.world.random);
    this.handler.state('waiting', this.last?.reason ?? reason);
    this.cancel = this.world.later(() => this.connect(), wait);
  }

  // now connects at once, for a person who does not want to wait or a network that came back.
  now() {
    if (this.socket) return;
    this.cancel();
    this.connect();
  }

  // subscribe asks for rooms or patterns; again with another interval changes it in place.
  subscribe(names, interval) {
    for (const name of names) {
      this.wanted.set(name, { interval });
      if (!pattern(name)) this.chain(name);
    }
    this.ask(names);
  }

  unsubscribe(names) {
    for (const name of names) {
      this.wanted.delete(name);
      this.chains.delete(name);
    }
    if (this.ready) this.send({ op: 'unsubscribe', rooms: names });
  }

  chain(room) {
    let chain = this.chains.get(room);
    if (!chain) this.chains.set(room, (chain = new Chain()));
    return chain;
  }

  ask(names) {
    if (!this.ready || names.length === 0) return;
    const rooms = names.map((room) => ({
      room,
      interval: this.wanted.get(room)?.interval ?? this.chains.get(room)?.interval,
      since: this.chains.get(room)?.since(),
    }));
    this.send({ op: 'subscribe', rooms });
  }

  // ping asks for the server's time; false where there is nobody to ask.
  ping() {
    if (this.ready) this.send({ op: 'ping' });
    return this.ready;
  }

  send(command) {
    this.socket.send(JSON.stringify(command));
  }

  frame(messages) {
    this.handler.frame(messages);
    for (const message of messages) this.take(message);
    this.watch();
  }

  // watch gives the connection up after 2.5 heartbeats without a frame: a socket may stay open long
  // after the path to its server is gone.
  watch() {
    this.silence();
    const socket = this.socket;
    this.silence = this.world.later(() => {
      socket.close();
      this.closed(socket, 4002, 'no sign of life');
    }, 2.5 * this.heartbeat);
  }

  take(message) {
    switch (message.t) {
      case 'hello':
        this.heartbeat = message.heartbeat;
        this.ready = true;
        this.handler.hello(message);
        this.handler.state('open');
        // Rooms before patterns: a pattern never touches a room joined by name.
        this.ask([...this.wanted.keys()].sort((a, b) => pattern(a) - pattern(b)));
        return;
      case 'ok':
        if (message.op === 'subscribe') this.granted(message.rooms ?? []);
        else if (message.op === 'ping') this.handler.pong(message);
        return;
      case 'heartbeat':
        this.tries = 0; // a connection that lives this long was a good one
        this.handler.heartbeat(message);
        return;
      case 'error':
        this.handler.refused(message);
        if (message.retry) this.retry(message.after ?? 1000);
        return;
      case 'bye':
        this.last = message;
        return;
      default:
        if (message.room) this.room(message);
    }
  }

  // retry asks again for what has not been answered.
  retry(wait) {
    const socket = this.socket;
    this.world.later(() => {
      if (socket === this.socket) this.ask([...this.wanted.keys()].filter((room) => this.chains.get(room)?.state === 'asked'));
    }, wait);
  }

  granted(rooms) {
    for (const room of rooms) {
      if (pattern(room.room)) continue;
      this.chain(room.room).granted(room);
      this.handler.granted(room);
    }
  }

  room(message) {
    const chain = this.chains.get(message.room);
    if (!chain) return; // unsubscribed meanwhile
    const verdict = chain.take(message);
    if (verdict === 'broken') {
      this.handler.broken(message.room);
      chain.ask();
      this.ask([message.room]);
      return;
    }
    if (verdict !== 'skip' || message.t === 'status') this.handler.room(verdict, message);
  }
}
