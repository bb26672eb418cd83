// The live page through restarts of its server and cuts of its wire: its book is the server's again each time.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { browser, demo, firstPrice, open, until } from './servers.mjs';
import { Wire } from './wire.mjs';

const times = Number(process.env.TIMES ?? 20);
const symbol = 'BINANCE:LTC-USDT';
let chromium, server;

before(async () => {
  server = await demo('--symbols', 'LTCUSDT', '--symbols', 'ETHUSDT', '--rate', '0.5');
  chromium = await browser();
});
after(async () => {
  await chromium?.close();
  await server?.stop();
});

// sameBook reads the ladder and the server's snapshot of the same room until they agree: a market moves between the
// two readings, but a book with a level too many or too few never agrees.
async function sameBook(page, room, why) {
  let seen;
  await until(`${why}: the ladder is the server's book; last seen: ${seen}`, async () => {
    seen = await page.evaluate(async (name) => {
      const side = (id) => [...document.querySelectorAll(`#${id} li:not([hidden])`)].map((row) => [...row.children].slice(0, 2).map((cell) => Number(cell.textContent.replaceAll(',', ''))));
      const answer = await fetch(`v1/snapshot/${encodeURIComponent(name)}`).catch(() => undefined);
      if (!answer?.ok) return { away: true };
      const { d } = await answer.json();
      await new Promise(requestAnimationFrame);
      const numbers = (levels) => levels.map((level) => level.map(Number));
      return { page: JSON.stringify([side('bids'), side('asks')]), server: JSON.stringify([numbers(d.bids), numbers(d.asks)]), levels: d.bids.length };
    }, room);
    return seen.levels > 0 && seen.page === seen.server;
  });
}

async function heap(page) {
  const session = await page.context().newCDPSession(page);
  await session.send('HeapProfiler.collectGarbage');
  const { usedSize } = await session.send('Runtime.getHeapUsage');
  await session.detach();
  return usedSize / 1e6;
}

test('the first price is drawn', async (t) => {
  const context = await chromium.newContext();
  const page = await context.newPage();
  const begun = Date.now();
  await page.goto(server.url);
  await firstPrice(page);
  t.diagnostic(`the first live price stood there ${Date.now() - begun} ms after the page was asked for`);
  await context.close();
});

test(`${times} restarts of the server`, async (t) => {
  const context = await chromium.newContext({ viewport: { width: 1440, height: 1100 } });
  const page = await open(context, `${server.url}/?symbol=${symbol}&depth=5`);
  await firstPrice(page);
  const early = await heap(page);
  for (let i = 1; i <= times; i++) {
    await server.restart();
    await page.locator('#link').click(); // who looks at it does not wait for the back-off
    await page.waitForSelector('#link[data-state=open]', { timeout: 60_000 });
    await sameBook(page, `book:${symbol}@5`, `restart ${i}`);
  }
  await page.getByRole('button', { name: 'ETH-USDT' }).click();
  await sameBook(page, 'book:BINANCE:ETH-USDT@5', 'the other symbol');
  const late = await heap(page);
  t.diagnostic(`heap: ${early.toFixed(1)} MB, after ${times} restarts ${late.toFixed(1)} MB`);
  assert.ok(late - early < 20, `the heap grew by ${(late - early).toFixed(1)} MB`);
  assert.deepEqual(page.complaints, []);
  await context.close();
});

test(`${times} times offline and online`, async (t) => {
  const wire = await new Wire(server.port).open();
  const context = await chromium.newContext({ viewport: { width: 1440, height: 1100 } });
  const page = await open(context, `${wire.url}/?symbol=${symbol}&depth=20`);
  await firstPrice(page);
  const early = await heap(page);
  for (let i = 1; i <= times; i++) {
    wire.cut();
    await context.setOffline(true);
    await page.waitForSelector('body.away', { timeout: 60_000 });
    wire.mend();
    await context.setOffline(false);
    await page.waitForSelector('body:not(.away)', { timeout: 60_000 });
    await sameBook(page, `book:${symbol}@20`, `flip ${i}`);
  }
  await until('the page has counted its reconnects', async () => Number(await page.locator('#reconnects').textContent()) >= times);
  const late = await heap(page);
  t.diagnostic(`heap: ${early.toFixed(1)} MB, after ${times} flips ${late.toFixed(1)} MB`);
  assert.ok(late - early < 20, `the heap grew by ${(late - early).toFixed(1)} MB`);
  assert.deepEqual(page.complaints, []);
  await context.close();
  await wire.close();
});
