// What tests need around the client: real servers, a proxy that misbehaves, and patience.

import { spawn, type ChildProcess } from 'node:child_process';
import { createServer, connect as dial, type AddressInfo, type Server as TcpServer, type Socket } from 'node:net';
import { join } from 'node:path';
import WebSocket from 'ws';
import { connect, type LiveFeed, type Options } from '../src/index.js';

export class Server {
  constructor(private readonly process: ChildProcess, readonly host: string) {}

  get url(): string {
    return `ws://${this.host}/v1/stream`;
  }

  async get<T = any>(path: string): Promise<T> {
    return (await fetch(`http://${this.host}/${path}`)).json() as Promise<T>;
  }

  // stop ends it as an operator would, or at once.
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGKILL'): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const gone = new Promise((resolve) => this.process.once('exit', resolve));
    this.process.kill(signal);
    await gone;
  }
}

// start runs one of the programs and waits for the address that it prints.
export async function start(program: 'streamer' | 'replay', ...args: string[]): Promise<Server> {
  const process_ = spawn(join(process.env.TAPEDECK_BIN!, program), args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  const host = await new Promise<string>((resolve, reject) => {
    const hear = (data: Buffer) => {
      said += data;
      const found = /(?:https?|ws):\/\/([\w.:[\]]+:\d+)/.exec(said);
      if (found) resolve(found[1]!);
    };
    process_.stdout.on('data', hear);
    process_.stderr.on('data', hear);
    process_.once('exit', (code) => reject(new Error(`${program} ${args.join(' ')} ended with ${code}: ${said}`)));
  });
  return new Server(process_, host);
}

export const demo = (...args: string[]): Promise<Server> => start('streamer', 'demo', '--admin', 'off', '--listen', '127.0.0.1:0', '--gaps', '0', ...args);

export const socketClass = WebSocket as unknown as NonNullable<Options['WebSocket']>;

export const open = (url: string, options: Options = {}): LiveFeed => connect(url, { WebSocket: socketClass, backoff: { first: 20, longest: 200 }, ...options });

// until waits for something to be so, with a deadline that no healthy machine needs.
export async function until<T>(what: () => T | undefined | false | null, why = 'what was waited for', deadline = 30_000): Promise<T> {
  const end = Date.now() + deadline;
  for (;;) {
    const value = what();
    if (value) return value;
    if (Date.now() > end) throw new Error(`${why} did not come to be within ${deadline} ms`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

// Proxy stands between client and server: it cuts, stalls and slows connections.
export class Proxy {
  private readonly pairs = new Set<[Socket, Socket]>();
  private bytesPerTick = Infinity;
  connections = 0;
  stalled = false; // bytes are taken and go nowhere
  refusing = false;

  private constructor(private readonly server: TcpServer, public target: string) {}

  static async open(target: string): Promise<Proxy> {
    const server = createServer();
    const proxy = new Proxy(server, target);
    server.on('connection', (near) => proxy.pair(near));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get url(): string {
    return `ws://127.0.0.1:${(this.server.address() as AddressInfo).port}/v1/stream`;
  }

  private pair(near: Socket): void {
    this.connections++;
    if (this.refusing) {
      near.destroy();
      return;
    }
    const [host, port] = this.target.split(':') as [string, string];
    const far = dial(Number(port), host);
    const pair: [Socket, Socket] = [near, far];
    this.pairs.add(pair);
    near.on('data', (data) => !this.stalled && far.write(data));
    far.on('data', (data) => this.forward(far, near, data));
    for (const socket of pair) {
      socket.on('error', () => {});
      socket.on('close', () => {
        this.pairs.delete(pair);
        for (const other of pair) other.destroy();
      });
    }
  }

  private forward(far: Socket, near: Socket, data: Buffer): void {
    if (this.stalled) return;
    near.write(data);
    if (this.bytesPerTick === Infinity) return;
    far.pause();
    setTimeout(() => far.resume(), (20 * data.length) / this.bytesPerTick);
  }

  // slow lets so many bytes a second through.
  slow(bytesPerSecond: number): void {
    this.bytesPerTick = bytesPerSecond / 50;
  }

  // cut ends every connection, amid whatever frame it is in.
  cut(): void {
    for (const pair of this.pairs) for (const socket of pair) socket.resetAndDestroy();
  }

  close(): void {
    this.cut();
    this.server.close();
  }
}
