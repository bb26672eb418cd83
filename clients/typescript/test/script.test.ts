// Against a server that says what it is told to: closings, tokens, hidden tabs, and what a real one does not do on purpose.

import { afterEach, describe, expect, test, vi } from 'vitest';
import { WebSocketServer, type WebSocket } from 'ws';
import { AuthError, ClosedError, ProtocolError, type LiveFeed, type Options } from '../src/index.js';
import { open, pause, until } from './servers.js';

interface Command {
  op: string;
  id: string;
  token?: string;
  rooms?: { room: string; interval?: string; since?: object }[];
}

const hello = {
  t: 'hello', v: 1, node: 'script', conn: 'c', ts: 1_700_000_000_000_000, heartbeat: 10_000, limits: { rooms: 10, commandsPerSecond: 10, frameBytes: 9999 },
  intervals: ['0', '100ms', '1s'], depths: [], widths: [], snapshotTrades: 50, snapshotCandles: 200, timeline: 'live',
};

class Script {
  readonly sockets: WebSocket[] = [];
  readonly commands: Command[] = [];
  readonly server = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: (offered) => [...offered][0]! });

  constructor(readonly answers: (command: Command) => object[] = grantAll) {
    this.server.on('connection', (socket) => {
      this.sockets.push(socket);
      socket.on('message', (data) => {
        for (const command of [JSON.parse(String(data))].flat() as Command[]) {
          this.commands.push(command);
          const answers = this.answers(command);
          if (answers.length > 0) socket.send(JSON.stringify(answers));
        }
      });
      socket.send(JSON.stringify([hello]));
    });
  }

  get url(): string {
    return `ws://127.0.0.1:${(this.server.address() as { port: number }).port}/v1/stream`;
  }

  say(...messages: object[]): void {
    this.sockets.at(-1)!.send(JSON.stringify(messages));
  }

  of(op: string): Command[] {
    return this.commands.filter((command) => command.op === op);
  }
}

function grantAll({ op, id, rooms }: Command): object[] {
  if (op === 'ping') return [{ t: 'ok', id, op, ts: 1_700_000_000_000_000 }];
  if (op === 'auth') return [{ t: 'ok', id, op }];
  return [{ t: 'ok', id, op, rooms: rooms?.map(({ room, interval = '0', since }) => ({ room, interval, state: 'live', loss: 'fold', epoch: 'e', origin: 'venue', recovered: since !== undefined })) }];
}

const snapshot = (seq: number, d: object = { bid: '1', bidQty: '1' }) => ({ t: 'snapshot', room: 'quotes:V:S', epoch: 'e', seq, d });
const update = (prev: number, seq: number, n = 1) => ({ t: 'update', room: 'quotes:V:S', prev, seq, n, ts: 1, d: { bid: String(seq), bidQty: '1', ask: null, askQty: null } });

const cleanup: (() => void)[] = [];
afterEach(() => {
  for (const undo of cleanup.splice(0).reverse()) undo();
});

async function meet(options: Options = {}, answers?: (command: Command) => object[]): Promise<{ script: Script; feed: LiveFeed; errors: Error[] }> {
  const script = new Script(answers);
  await new Promise((resolve) => script.server.once('listening', resolve));
  const feed = open(script.url, options);
  const errors: Error[] = [];
  feed.on('error', (error) => void errors.push(error));
  cleanup.push(() => {
    feed.close();
    for (const socket of script.sockets) socket.terminate();
    script.server.close();
  });
  return { script, feed, errors };
}

test('many rooms are resumed by one command, each from where it was', async () => {
  const { script, feed } = await meet();
  const quotes = feed.quotes('V:S');
  const others = ['A', 'B', 'C'].map((symbol) => feed.quotes(`V:${symbol}`));
  await until(() => quotes.granted);
  expect(script.of('subscribe')).toHaveLength(1);
  script.say(snapshot(7), update(7, 9, 4));
  await until(() => quotes.value?.bid === '9');
  expect(feed.stats).toMatchObject({ received: 4, folded: 3, snapshots: 1 });
  script.sockets[0]!.terminate();
  await until(() => script.of('subscribe').length === 2);
  expect(script.of('subscribe')[1]!.rooms).toMatchObject([{ room: 'quotes:V:S', since: { epoch: 'e', seq: 9 } }, ...others.map((room) => ({ room: room.name }))]);
  await until(() => quotes.state === 'live');
  expect(quotes.value).toEqual({ bid: '9', bidQty: '1' });
});

test('a room that is asked for twice before the answer comes has its one snapshot', async () => {
  const { script, feed } = await meet({}, ({ op, ...rest }) => (op === 'subscribe' ? [] : grantAll({ op, ...rest })));
  await until(() => feed.state === 'open');
  const quotes = feed.quotes('V:S');
  await until(() => script.of('subscribe').length === 1);
  feed.quotes('V:S', { interval: '100ms' });
  await until(() => script.of('subscribe').length === 2);
  const [first, second] = script.of('subscribe');
  script.say(...grantAll(first!), snapshot(7), ...grantAll(second!), update(7, 8));
  await until(() => quotes.value?.bid === '8');
  expect(feed.stats.broken).toBe(0);
});

test('an update that continues nothing is counted, and the room asked for again', async () => {
  const { script, feed } = await meet();
  const quotes = feed.quotes('V:S');
  await until(() => quotes.granted);
  script.say(snapshot(7), update(8, 9));
  await until(() => script.of('subscribe').length === 2);
  expect(script.of('subscribe')[1]!.rooms).toMatchObject([{ since: { epoch: 'e', seq: 7 } }]);
  expect(feed.stats.broken).toBe(1);
  expect(quotes.value).toEqual({ bid: '1', bidQty: '1' });
});

test('what is not known is ignored, and a listener that throws disturbs nobody', async () => {
  const { script, feed, errors } = await meet();
  const quotes = feed.quotes('V:S');
  await until(() => quotes.granted);
  const thrown: unknown[] = [];
  const catcher = (error: unknown) => void thrown.push(error);
  const handlers = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException').on('uncaughtException', catcher);
  quotes.on('update', () => {
    throw new Error('of a listener');
  });
  script.say({ t: 'weather', d: 'fine' }, { t: 'update', room: 'tea:V:S', prev: 0, seq: 1, d: 1 }, { ...snapshot(7), more: { x: [1] } }, update(7, 8));
  await until(() => quotes.value?.bid === '8' && thrown.length === 1);
  process.removeListener('uncaughtException', catcher);
  for (const handler of handlers) process.on('uncaughtException', handler);
  expect(errors).toEqual([]);
});

test('a frame that cannot be read ends the connection, and another comes', async () => {
  const { script, feed, errors } = await meet();
  await until(() => feed.state === 'open');
  script.sockets[0]!.send('[{"t":');
  await until(() => script.sockets.length === 2 && feed.state === 'open');
  expect(errors).toEqual([expect.any(ProtocolError)]);
});

describe('closing', () => {
  test.each([[4001, true], [4002, true], [4004, true], [4010, true], [4405, true], [4406, true], [1001, true], [1011, true], [4500, false], [4501, false], [4504, false], [4505, false]])('code %i: connect again %s', async (code, again) => {
    const { script, feed, errors } = await meet();
    await until(() => feed.state === 'open');
    script.sockets[0]!.close(code, 'because');
    if (again) await until(() => script.sockets.length === 2 && feed.state === 'open');
    else {
      await until(() => feed.state === 'closed');
      await pause(300); // longer than any wait of these tests
      expect(script.sockets).toHaveLength(1);
      expect(errors).toEqual([expect.any(ClosedError)]);
      expect(feed.reason).toBe('because');
    }
  });

  test('bye says how long to wait, or not to come back', async () => {
    const { script, feed } = await meet();
    await until(() => feed.state === 'open');
    const began = Date.now();
    script.say({ t: 'bye', reason: 'draining', reconnect: true, after: 400 });
    script.sockets[0]!.close(4001);
    await until(() => script.sockets.length === 2 && feed.state === 'open');
    expect(Date.now() - began).toBeGreaterThanOrEqual(395);
    script.say({ t: 'bye', reason: 'enough', reconnect: false, after: 0 });
    script.sockets[1]!.close(4001);
    await until(() => feed.state === 'closed');
    expect(feed.reason).toBe('enough');
  });

  test('the page closes it: nothing is open any more', async () => {
    const { script, feed } = await meet();
    const quotes = feed.quotes('V:S');
    await until(() => quotes.granted);
    const waiting = feed.request('list').catch((error) => error);
    feed.close();
    expect(await waiting).toBeInstanceOf(ClosedError);
    expect(quotes.state).toBe('closed');
    await until(() => script.sockets[0]!.readyState === 3);
  });
});

describe('tokens', () => {
  const jwt = (exp: number) => `h.${Buffer.from(JSON.stringify({ exp })).toString('base64url')}.s`;

  test('the first word is the token, and another comes before it expires, on the same connection', async () => {
    let given = 0;
    const { script, feed } = await meet({ auth: async () => jwt(Math.floor(Date.now() / 1000) + (given++ === 0 ? 31 : 3600)) });
    feed.quotes('V:S');
    await until(() => script.of('auth').length === 2, 'a second token');
    expect(script.commands[0]!.op).toBe('auth');
    expect(script.of('auth')[0]!.token).not.toBe(script.of('auth')[1]!.token);
    expect(script.sockets).toHaveLength(1);
  });

  test('expired: connect again with a new one; without a callback, not at all', async () => {
    let given = 0;
    const { script, feed } = await meet({ auth: async () => `token ${++given}` });
    await until(() => feed.state === 'open');
    script.sockets[0]!.close(4404);
    await until(() => script.of('auth').length === 2);
    expect(script.of('auth').map((command) => command.token)).toEqual(['token 1', 'token 2']);
    const still = await meet({ token: 'mine' });
    await until(() => still.script.of('auth').length === 1);
    still.script.sockets[0]!.close(4404);
    await until(() => still.feed.state === 'closed');
  });

  test('a callback that fails is told, and tried again', async () => {
    let asked = 0;
    const { script, errors } = await meet({ auth: () => (asked++ < 2 ? Promise.reject(new Error('offline')) : Promise.resolve('t')) });
    await until(() => script.of('auth').length === 1);
    expect(errors).toEqual([expect.any(AuthError), expect.any(AuthError)]);
  });
});

test('a refusal that may pass is asked again, after what the server says', async () => {
  let refusals = 2;
  const { script, feed, errors } = await meet({}, (command) =>
    command.op === 'subscribe' && refusals-- > 0 ? [{ t: 'error', id: command.id, code: 'rate_limited', message: 'too many', retry: true, after: 50 }] : grantAll(command),
  );
  const quotes = feed.quotes('V:S');
  await until(() => quotes.granted);
  expect(script.of('subscribe')).toHaveLength(3);
  expect(errors).toHaveLength(2);
  expect(quotes.state).toBe('joining');
});

test('a hidden tab asks for less, and for its own pace when it is seen again, each by one command', async () => {
  const page = Object.assign(new EventTarget(), { hidden: false });
  vi.stubGlobal('document', page);
  vi.stubGlobal('addEventListener', () => {});
  vi.stubGlobal('removeEventListener', () => {});
  cleanup.push(() => vi.unstubAllGlobals());
  const { script, feed } = await meet();
  const rooms = [feed.quotes('V:S', { interval: '100ms' }), feed.quotes('V:T')];
  await until(() => rooms.every((room) => room.granted));
  const look = async (hidden: boolean, times: number) => {
    page.hidden = hidden;
    page.dispatchEvent(new Event('visibilitychange'));
    await until(() => script.of('subscribe').length === times);
    return script.of('subscribe').at(-1)!.rooms!.map((room) => room.interval);
  };
  expect(await look(true, 2)).toEqual(['1s', '1s']);
  expect(await look(false, 3)).toEqual(['100ms', '0']);
});
