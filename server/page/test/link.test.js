import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Link, delay } from '../link.js';

// stage is a world without a network: sockets and timers are in the test's hands.
function stage() {
  const log = [];
  const sockets = [];
  const timers = new Set();
  const world = {
    open: () => {
      const socket = { sent: [], send: (text) => socket.sent.push(JSON.parse(text)), close: () => {} };
      sockets.push(socket);
      return socket;
    },
    later: (fn, ms) => {
      const timer = { fn, ms };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    random: () => 0.5,
  };
  const handler = {
    state: (name, detail) => log.push(['state', name, detail]),
    hello: () => {},
    granted: (room) => log.push(['granted', room.room]),
    room: (verdict, message) => log.push([verdict, message.room]),
    frame: () => {},
    heartbeat: () => {},
    pong: (message) => log.push(['pong', message.ts]),
    refused: (message) => log.push(['refused', message.code]),
    broken: (room) => log.push(['broken', room]),
  };
  const link = new Link('ws://test', handler, world);
  const say = (...messages) => sockets.at(-1).onmessage({ data: JSON.stringify(messages) });
  const fire = () => {
    const [timer] = timers;
    timers.delete(timer);
    timer.fn();
    return timer.ms;
  };
  return { link, log, sockets, timers, say, fire };
}

const hello = { t: 'hello', heartbeat: 10_000 };
const room = 'book:V:A-B@20';
const granted = { t: 'ok', op: 'subscribe', rooms: [{ room, loss: 'fold', interval: '100ms' }] };

test('the wait before a new try is anything up to a bound that doubles', () => {
  assert.equal(delay(0, () => 0), 0);
  assert.equal(delay(0, () => 1), 500);
  assert.equal(delay(3, () => 1), 4000);
  assert.equal(delay(1000, () => 1), 30_000);
});

test('what is wanted is asked for after hello, rooms before patterns', () => {
  const { link, sockets, say } = stage();
  link.subscribe(['ticker:V:*'], '1s');
  link.subscribe([room], '100ms');
  assert.deepEqual(sockets[0].sent, []);
  say(hello);
  assert.deepEqual(sockets[0].sent, [
    { op: 'subscribe', rooms: [{ room, interval: '100ms' }, { room: 'ticker:V:*', interval: '1s' }] },
  ]);
});

test('a lost connection comes back and resumes its rooms', () => {
  const { link, log, sockets, say, fire, timers } = stage();
  link.subscribe([room], '100ms');
  say(hello, granted, { t: 'snapshot', room, epoch: 'e', seq: 7, d: {} });
  say({ t: 'ok', op: 'subscribe', rooms: [{ room: 'ticker:V:A-B', loss: 'fold' }] });
  sockets[0].onclose({ code: 1006, reason: '' });
  assert.equal(timers.size, 1, 'only the wait for the next try is left');
  assert.equal(fire(), 250);
  say(hello);
  assert.deepEqual(sockets[1].sent, [
    { op: 'subscribe', rooms: [{ room, interval: '100ms', since: { epoch: 'e', seq: 7 } }] },
  ]);
  say({ ...granted, rooms: [{ ...granted.rooms[0], recovered: true }] });
  say({ t: 'update', room, prev: 7, seq: 9, d: {} });
  assert.deepEqual(log.at(-1), ['apply', room]);
});

test('a broken chain is told and asked for again from its last good place', () => {
  const { link, log, sockets, say } = stage();
  link.subscribe([room], '100ms');
  say(hello, granted, { t: 'snapshot', room, epoch: 'e', seq: 7, d: {} });
  say({ t: 'update', room, prev: 8, seq: 9, d: {} }, { t: 'update', room, prev: 9, seq: 10, d: {} });
  assert.deepEqual(log.filter(([what]) => what === 'broken'), [['broken', room]]);
  assert.deepEqual(sockets[0].sent.at(-1).rooms, [{ room, interval: '100ms', since: { epoch: 'e', seq: 7 } }]);
});

test('a book that lost something says so, is stale, and its snapshot mends it', () => {
  const { link, log, sockets, say } = stage();
  link.subscribe([room], '100ms');
  say(hello, granted, { t: 'snapshot', room, epoch: 'e', seq: 7, d: {} });
  say({ t: 'gap', room, epoch: 'e', from: 7, to: 9, reason: 'source' }, { t: 'status', room, state: 'stale', reason: 'resync' });
  say({ t: 'snapshot', room, epoch: 'e', seq: 20, d: {} }, { t: 'status', room, state: 'live' });
  say({ t: 'update', room, prev: 20, seq: 21, d: {} });
  assert.deepEqual(log.filter(([, of]) => of === room).map(([what]) => what), ['granted', 'replace', 'gap', 'skip', 'replace', 'skip', 'apply']);
  assert.equal(sockets[0].sent.length, 1, 'nothing had to be asked again');
});

test('a room that goes on in another log begins anew there, and resumes there', () => {
  const { link, sockets, say } = stage();
  link.subscribe([room], '100ms');
  say(hello, granted, { t: 'snapshot', room, epoch: 'e', seq: 900, d: {} });
  say({ t: 'gap', room, epoch: 'f', from: 900, to: 3, reason: 'epoch' }, { t: 'snapshot', room, epoch: 'f', seq: 4, d: {} });
  say({ t: 'update', room, prev: 4, seq: 5, d: {} });
  sockets[0].onclose({ code: 4001, reason: '' });
  link.now();
  say(hello);
  assert.deepEqual(sockets[1].sent[0].rooms[0].since, { epoch: 'f', seq: 5 });
});

test('a change of interval asks without a position', () => {
  const { link, sockets, say } = stage();
  link.subscribe([room], '100ms');
  say(hello, granted, { t: 'snapshot', room, epoch: 'e', seq: 7, d: {} });
  link.subscribe([room], '1s');
  assert.deepEqual(sockets[0].sent.at(-1).rooms, [{ room, interval: '1s' }]);
});

test('what was refused for now is asked again', () => {
  const { link, log, sockets, timers, say } = stage();
  say(hello);
  link.subscribe([room], '100ms');
  say({ t: 'error', code: 'rate_limited', retry: true, after: 700 });
  assert.deepEqual(log.at(-1), ['refused', 'rate_limited']);
  const again = [...timers].find((timer) => timer.ms === 700);
  again.fn();
  assert.equal(sockets[0].sent.length, 2);
  assert.deepEqual(sockets[0].sent[1], sockets[0].sent[0]);
  say(granted);
  again.fn();
  assert.equal(sockets[0].sent.length, 2, 'what is answered is not asked again');
});

test('the server is asked for its time only while there is one', () => {
  const { link, log, sockets, say } = stage();
  assert.equal(link.ping(), false);
  say(hello);
  assert.equal(link.ping(), true);
  assert.deepEqual(sockets[0].sent, [{ op: 'ping' }]);
  say({ t: 'ok', op: 'ping', ts: 42 });
  assert.deepEqual(log.at(-1), ['pong', 42]);
});

test('a final close is final; a bye says how long to wait', () => {
  const one = stage();
  one.sockets[0].onclose({ code: 4504, reason: 'abuse' });
  assert.deepEqual(one.log.at(-1), ['state', 'closed', 'abuse']);
  assert.equal(one.timers.size, 0);

  const two = stage();
  two.say(hello, { t: 'bye', reason: 'draining', reconnect: true, after: 2000 });
  two.sockets[0].onclose({ code: 4001, reason: '' });
  assert.equal(two.fire(), 2250);

  const three = stage();
  three.say(hello, { t: 'bye', reason: 'not authenticated', reconnect: false });
  three.sockets[0].onclose({ code: 1006, reason: '' });
  assert.deepEqual(three.log.at(-1), ['state', 'closed', 'not authenticated']);
});

test('a connection without a sign of life is given up after 2.5 heartbeats', () => {
  const { log, sockets, say, fire } = stage();
  say(hello);
  assert.equal(fire(), 25_000);
  assert.deepEqual(log.at(-1), ['state', 'waiting', 'no sign of life']);
  assert.equal(fire(), 250);
  assert.equal(sockets.length, 2);
  sockets[0].onclose({ code: 1006, reason: '' }); // late, of the old one
  assert.deepEqual(log.at(-1), ['state', 'connecting', undefined]);
});
