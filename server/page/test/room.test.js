import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Chain, parseRoom, roomName } from '../room.js';

const joined = (loss = 'fold') => {
  const chain = new Chain();
  chain.granted({ loss });
  chain.take({ t: 'snapshot', epoch: 'e1', seq: 10 });
  return chain;
};

test('names are split at the first two colons and the last at', () => {
  assert.equal(roomName('book', 'BINANCE', 'BTC-USDT', '20'), 'book:BINANCE:BTC-USDT@20');
  for (const symbol of ['BTC-USDT', 'odd:name', 'a@b', 'per%cent', 'two words']) {
    for (const variant of ['', '20']) {
      const name = roomName('book', 'V', symbol, variant);
      assert.deepEqual(parseRoom(name), { channel: 'book', venue: 'V', symbol, variant });
    }
  }
  assert.equal(parseRoom('nonsense'), null);
});

test('rules 1 and 2: a snapshot replaces, an update that continues it applies', () => {
  const chain = joined();
  assert.equal(chain.take({ t: 'update', prev: 10, seq: 25 }), 'apply');
  assert.equal(chain.take({ t: 'update', prev: 25, seq: 26 }), 'apply');
  assert.equal(chain.take({ t: 'snapshot', epoch: 'e2', seq: 3 }), 'replace');
  assert.equal(chain.take({ t: 'update', prev: 3, seq: 4 }), 'apply');
});

test('rule 3: after a gap a never room goes on, a fold room waits for a snapshot', () => {
  const trades = joined('never');
  assert.equal(trades.take({ t: 'gap', epoch: 'e1', from: 10, to: 40, reason: 'retention' }), 'gap');
  assert.equal(trades.take({ t: 'update', prev: 40, seq: 41 }), 'apply');

  const book = joined('fold');
  assert.equal(book.take({ t: 'gap', epoch: 'e1', from: 10, to: 40, reason: 'source' }), 'gap');
  assert.equal(book.take({ t: 'update', prev: 40, seq: 41 }), 'broken');
  assert.equal(book.take({ t: 'snapshot', epoch: 'e1', seq: 44 }), 'replace');

  const moved = joined('never');
  assert.equal(moved.take({ t: 'gap', epoch: 'e2', from: 10, to: 2, reason: 'epoch' }), 'gap');
  assert.equal(moved.take({ t: 'update', prev: 2, seq: 3 }), 'broken');
});

test('rule 4: whatever does not continue is broken', () => {
  assert.equal(joined().take({ t: 'update', prev: 9, seq: 11 }), 'broken');
  assert.equal(joined().take({ t: 'update', prev: 11, seq: 12 }), 'broken');
  assert.equal(joined().take({ t: 'gap', from: 9, to: 12, reason: 'slow' }), 'broken');
  const early = new Chain();
  early.granted({ loss: 'fold' });
  assert.equal(early.take({ t: 'update', prev: 0, seq: 1 }), 'broken');
});

test('a resumed room goes on where it was, and what is under way before the answer is not its own', () => {
  const chain = joined();
  chain.ask();
  assert.deepEqual(chain.since(), { epoch: 'e1', seq: 10 });
  assert.equal(chain.take({ t: 'update', prev: 12, seq: 13 }), 'skip');
  chain.granted({ loss: 'fold', recovered: true });
  assert.equal(chain.take({ t: 'update', prev: 10, seq: 13 }), 'apply');
});

test('a change of settings leaves the chain as it is', () => {
  const chain = joined();
  assert.equal(chain.since(), undefined);
  chain.granted({ loss: 'fold', interval: '1s' });
  assert.equal(chain.take({ t: 'update', prev: 10, seq: 11 }), 'apply');
});

test('a status is not part of the chain', () => {
  const chain = joined();
  assert.equal(chain.take({ t: 'status', state: 'stale' }), 'skip');
  assert.equal(chain.take({ t: 'update', prev: 10, seq: 11 }), 'apply');
});
