import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Health } from '../src/health.ts';

interface Timer {
  fn: () => void;
  at: number;
}

function stage() {
  const time = { now: 0 };
  const timers = new Set<Timer>();
  const world = {
    now: () => time.now,
    later: (fn: () => void, ms: number) => {
      const timer = { fn, at: time.now + ms };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
  };
  const shown: string[] = [];
  const health = new Health(world, ({ text, kind }) => shown.push(`${kind}: ${text}`));
  const pass = (ms: number) => {
    time.now += ms;
    for (const timer of [...timers]) {
      if (timer.at > time.now) continue;
      timers.delete(timer);
      timer.fn();
    }
  };
  return { health, shown, timers, pass };
}

test('a book that was stale says for how long, and after a while no more', () => {
  const { health, shown, pass } = stage();
  health.is('live');
  health.is('stale', 'source'); // the gap
  pass(400);
  health.is('stale', 'resync'); // the status
  pass(2100);
  health.is('live'); // the snapshot
  health.is('live'); // the status after it
  assert.deepEqual(shown, ['live: live', 'bad: stale · source', 'bad: stale · resync', 'mended: recovered after 2.5 s']);
  pass(4999);
  assert.equal(shown.length, 4);
  pass(1);
  assert.equal(shown.at(-1), 'live: live');
});

test('a book that is stale again at once does not say that it is well', () => {
  const { health, shown, timers, pass } = stage();
  health.is('stale');
  pass(1000);
  health.is('live');
  pass(1000);
  health.is('stale', 'resync');
  assert.equal(timers.size, 0);
  pass(10_000);
  assert.equal(shown.at(-1), 'bad: stale · resync');
  health.is('live');
  assert.equal(shown.at(-1), 'mended: recovered after 10.0 s');
});

test('down is as bad as stale, halted and quiet are not', () => {
  const { health, shown } = stage();
  health.is('halted', 'venue');
  health.is('quiet');
  health.is('live');
  health.is('down', 'broker');
  health.is('quiet');
  health.is('live');
  assert.deepEqual(shown, [
    'other: halted · venue', 'other: quiet', 'live: live', 'bad: down · broker', 'other: quiet', 'live: live',
  ]);
});

test('another room begins well', () => {
  const { health, shown, timers, pass } = stage();
  health.is('stale');
  health.fresh();
  assert.equal(shown.at(-1), 'live: live');
  pass(60_000);
  health.is('live');
  assert.equal(shown.at(-1), 'live: live');
  assert.equal(timers.size, 0);
});
