import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Clock, median } from '../clock.js';

// ours is a clock in the test's hands; the server's is ahead of it by so much.
function stage(ahead) {
  const time = { now: 1_000_000 };
  const clock = new Clock(() => time.now);
  const ask = (out, back) => {
    clock.asked();
    time.now += out;
    const said = (time.now + ahead) * 1000;
    time.now += back;
    clock.answered(said);
  };
  const age = (ms) => clock.age((time.now + ahead - ms) * 1000);
  return { clock, time, ask, age };
}

test('an age is counted by the server\'s clock, wherever ours stands', () => {
  for (const ahead of [0, 5_000, -3_600_000]) {
    const { ask, age } = stage(ahead);
    assert.equal(age(20), null, 'nothing is known before the first answer');
    ask(3, 3);
    assert.equal(age(20), 20);
    assert.equal(age(0), 0);
  }
});

test('a slow answer does not replace a quick one, until that is old', () => {
  const { ask, age } = stage(1_000);
  ask(2, 2);
  ask(100, 0); // by this one the server would be 50 ms further ahead
  assert.equal(age(20), 20);
  for (let i = 0; i < 30; i++) ask(100, 0);
  assert.equal(age(20), 70);
  ask(1, 1);
  assert.equal(age(20), 20);
});

test('what seems to come from the future is new', () => {
  const { ask, age } = stage(0);
  ask(10, 0);
  assert.equal(age(-50), 0);
});

test('the median of a second', () => {
  assert.equal(median([]), null);
  assert.equal(median([7]), 7);
  assert.equal(median([100, 3, 20]), 20);
});
