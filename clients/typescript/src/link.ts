import { AuthError, ClosedError, ProtocolError, type TapedeckError } from './errors.js';
import type { Bye, Message, Refusal } from './messages.js';
import { decode, encode } from './msgpack.js';

// Socket is what is needed of a WebSocket.
export interface Socket {
  binaryType: string;
  onopen: ((event: any) => void) | null;
  onmessage: ((event: any) => void) | null;
  onclose: ((event: any) => void) | null;
  onerror: ((event: any) => void) | null;
  send(data: string | Uint8Array<ArrayBuffer>): void;
  close(code?: number, reason?: string): void;
  readonly objects?: boolean; // frames are objects, whatever the encoding
}

export type SocketClass = new (address: string, protocols: string | string[]) => Socket;

export type State = 'connecting' | 'open' | 'waiting' | 'closed';

export interface LinkOptions {
  encoding: 'json' | 'msgpack';
  open: (address: string, protocol: string) => Socket;
  token?: string | undefined;
  auth?: (() => Promise<string>) | undefined; // a new token, whenever one is needed
  backoff: { first: number; longest: number }; // ms
  connectTimeout: number; // ms
  random: () => number; // 0 to 1
}

export interface LinkHandler {
  state(state: State, reason: string): void;
  frame(messages: Message[], bytes: number): void;
  bye(bye: Bye): void;
  error(error: TapedeckError): void;
}

// delay is how long to wait before try number n: anything up to a bound that doubles, so that the clients of a node that
// went away do not come back all at once.
export function delay(n: number, { first, longest }: { first: number; longest: number }, random: () => number): number {
  return random() * Math.min(longest, first * 2 ** Math.min(n, 30));
}

const refreshBefore = 30_000; // ms before a token expires
const longestTimer = 2 ** 31 - 1;

// Link is one connection that comes back by itself, as docs/protocol.md asks of a client: by full-jitter back-off, as "bye"
// and the close code say, with a new token where that is wanted; one without a sign of life is given up.
export class Link {
  state: State = 'waiting';
  heartbeat = 10_000; // until hello tells it, ms
  private socket: Socket | undefined;
  private bye: Bye | undefined; // the server's last words
  private tries = 0;
  private heard = 0; // when the last frame came
  private greeted = false;
  private token: string | undefined;
  private renewed = 0; // when the last token came, so that one that is refused at once is not asked for again and again
  private attempt = 0; // what is of an earlier one is ignored
  private again: ReturnType<typeof setTimeout> | undefined;
  private refresh: ReturnType<typeof setTimeout> | undefined;
  private watch: ReturnType<typeof setInterval> | undefined;

  constructor(private readonly address: () => string, private readonly options: LinkOptions, private readonly handler: LinkHandler) {
    this.token = options.token;
  }

  // now connects at once, where nothing is under way: for who does not want to wait, or a network that came back.
  now(): void {
    if (this.socket || this.state === 'connecting') return;
    clearTimeout(this.again);
    void this.connect();
  }

  close(code = 1000, reason = 'closed by us'): void {
    this.drop();
    this.socket?.close(1000);
    this.socket = undefined;
    this.become('closed', reason, code);
  }

  // send is for who has seen state "open"; what is sent at another time is gone.
  send(commands: object | object[]): void {
    if (this.state === 'open' && this.socket) this.write(this.socket, commands);
  }

  private write(socket: Socket, commands: object): void {
    socket.send(this.options.encoding === 'json' || socket.objects ? JSON.stringify(commands) : encode(commands));
  }

  // alive is called when the connection has proved good: the next one is tried for soon.
  alive(): void {
    this.tries = 0;
  }

  // probe gives the connection up where no frame comes soon, as after a change of network.
  probe(wait = 3_000): void {
    const { attempt } = this;
    const since = Date.now();
    setTimeout(() => {
      if (attempt === this.attempt && this.heard < since) this.lost(4002, 'no sign of life');
    }, wait);
  }

  // refused is told of errors of which a new token may be the cure.
  refused(error: Refusal): void {
    if (!this.options.auth || (error.code !== 'token_expired' && error.code !== 'unauthenticated')) return;
    if (Date.now() - this.renewed > 5_000) void this.renew();
  }

  // reconnect gives up the connection that there is for another.
  reconnect(reason: string): void {
    this.lost(1000, reason);
  }

  private become(state: State, reason: string, code = 0): void {
    if (this.state === state && state !== 'waiting') return;
    this.state = state;
    this.handler.state(state, reason || (code ? String(code) : ''));
  }

  private async connect(): Promise<void> {
    const attempt = ++this.attempt;
    this.bye = undefined;
    this.greeted = false;
    this.become('connecting', '');
    this.heard = Date.now();
    clearInterval(this.watch);
    this.watch = setInterval(() => this.look(), 500);
    if (this.options.auth && !this.token && !(await this.ask(attempt))) return;
    if (attempt !== this.attempt) return;
    let socket: Socket;
    try {
      socket = this.options.open(this.address(), `tapedeck.v1.${this.options.encoding}`);
    } catch (error) {
      this.handler.error(new ProtocolError(String(error)));
      this.close(4500, String(error)); // an address that is none: another try would do the same
      return;
    }
    this.socket = socket;
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => this.authenticate(socket);
    socket.onmessage = (event: { data: unknown }) => this.receive(event.data);
    socket.onerror = () => {}; // "close" follows
    socket.onclose = (event: { code?: number; reason?: string }) => this.lost(event.code ?? 1006, event.reason ?? '');
  }

  // ask gets a token; false where there is none, and then another try is to come.
  private async ask(attempt: number): Promise<boolean> {
    try {
      const token = await this.options.auth!();
      if (attempt !== this.attempt) return false;
      this.token = token;
      this.renewed = Date.now();
      return true;
    } catch (error) {
      if (attempt !== this.attempt) return false;
      this.handler.error(new AuthError(`no token: ${error instanceof Error ? error.message : String(error)}`));
      this.lost(1000, 'no token');
      return false;
    }
  }

  private authenticate(socket: Socket): void {
    if (!this.token) return;
    this.write(socket, { op: 'auth', id: 'auth', token: this.token });
    const expires = expiry(this.token);
    clearTimeout(this.refresh);
    if (!expires || !this.options.auth) return;
    const wait = Math.max(1_000, expires - Date.now() - refreshBefore);
    if (wait < longestTimer) this.refresh = setTimeout(() => void this.renew(), wait);
  }

  // renew refreshes the token in place: no room notices.
  private async renew(): Promise<void> {
    const { attempt, socket } = this;
    this.renewed = Date.now();
    if ((await this.ask(attempt)) && socket && socket === this.socket) this.authenticate(socket);
  }

  private receive(data: unknown): void {
    this.heard = Date.now();
    let messages: Message[];
    let bytes = 0;
    try {
      if (typeof data === 'string') {
        bytes = data.length; // the names and numbers that it is made of are ASCII
        messages = JSON.parse(data);
      } else if (Array.isArray(data)) messages = data; // of a shared worker
      else {
        bytes = (data as ArrayBuffer).byteLength;
        messages = decode(data as ArrayBuffer) as Message[];
      }
      if (!Array.isArray(messages)) throw new RangeError('a frame that is no array of messages');
    } catch (error) {
      this.handler.error(new ProtocolError(`a frame that cannot be read: ${error instanceof Error ? error.message : String(error)}`));
      this.lost(1000, 'a frame that cannot be read');
      return;
    }
    for (const message of messages) {
      if (message.t === 'hello') {
        this.greeted = true;
        this.heartbeat = message.heartbeat;
        this.become('open', '');
      } else if (message.t === 'bye') {
        this.bye = message;
        this.handler.bye(message);
      }
    }
    this.handler.frame(messages, bytes);
  }

  // look gives the connection up after 2.5 heartbeats without a frame: a socket may stay open long after the path to its
  // server is gone.
  private look(): void {
    const limit = this.greeted ? 2.5 * this.heartbeat : this.options.connectTimeout;
    if (Date.now() - this.heard > limit) this.lost(4002, this.greeted ? 'no sign of life' : 'no answer');
  }

  private drop(): void {
    this.attempt++;
    clearTimeout(this.again);
    clearTimeout(this.refresh);
    clearInterval(this.watch);
    const { socket } = this;
    if (socket) socket.onopen = socket.onmessage = socket.onclose = null;
  }

  private lost(code: number, reason: string): void {
    if (this.state === 'closed') return;
    this.drop();
    const { socket, bye } = this;
    this.socket = undefined;
    if (socket) {
      try {
        socket.close();
      } catch {
        // It was closed already.
      }
    }
    if (code === 4404) this.token = undefined;
    const why = bye?.reason || reason;
    if ((code >= 4500 && code <= 4999) || bye?.reconnect === false || (code === 4404 && !this.options.auth)) {
      this.handler.error(new ClosedError(code, why));
      this.become('closed', why, code);
      return;
    }
    this.again = setTimeout(() => void this.connect(), (bye?.after ?? 0) + delay(this.tries++, this.options.backoff, this.options.random));
    this.become('waiting', why, code);
  }
}

// expiry of a JWT in ms since 1970; undefined where the token says none.
function expiry(token: string): number | undefined {
  try {
    const { exp } = JSON.parse(atob(token.split('.')[1]!.replace(/-/g, '+').replace(/_/g, '/'))) as { exp?: number };
    return exp ? exp * 1000 : undefined;
  } catch {
    return undefined;
  }
}

