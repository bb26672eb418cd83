// What a person does with the page, and what a feed must not do to it. The server is made up.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { browser, demo, firstPrice, open, until } from './servers.mjs';
import { Market } from './market.mjs';

let chromium, server;

before(async () => {
  server = await demo('--symbols', 'BTCUSDT', '--symbols', 'ETHUSDT', '--symbols', 'LTCUSDT');
  chromium = await browser();
});
after(async () => {
  await chromium?.close();
  await server?.stop();
});

async function shown(settings, query = '') {
  const context = await chromium.newContext(settings);
  const page = await open(context, `${server.url}/${query}`);
  await firstPrice(page);
  return { context, page };
}

test('keys and the address', async () => {
  const { context, page } = await shown({ colorScheme: 'light' }, '?symbol=BINANCE:BTC-USDT');
  const symbol = () => page.locator('#symbol').textContent();
  await page.keyboard.press('ArrowDown');
  assert.equal(await symbol(), 'ETH-USDT');
  await page.keyboard.press('ArrowUp');
  assert.equal(await symbol(), 'BTC-USDT');
  await page.keyboard.press('/');
  await page.keyboard.type('ltc');
  assert.match(page.url(), /find=ltc/);
  assert.equal(await page.locator('#symbols li:not([hidden])').count(), 1);
  await page.keyboard.press('Enter');
  assert.equal(await symbol(), 'LTC-USDT');
  assert.match(page.url(), /symbol=BINANCE:LTC-USDT/);
  assert.doesNotMatch(page.url(), /find=/);
  await page.goBack();
  assert.equal(await symbol(), 'BTC-USDT');

  await page.locator('#depth').selectOption('5');
  await until('the book has the asked depth', async () => (await page.locator('#asks li:not([hidden])').count()) === 5);
  await page.locator('#interval').selectOption('1s');
  await until('the interval is granted', async () => (await page.locator('#granted').textContent()) === '1s');
  await page.getByRole('button', { name: '5m', exact: true }).click();
  await page.locator('#widths button').first().blur();
  await page.keyboard.press('t');
  assert.equal(await page.locator('html').getAttribute('data-theme'), 'dark');
  assert.match(page.url(), /depth=5/);
  assert.match(page.url(), /interval=1s/);
  assert.match(page.url(), /width=5m/);
  assert.match(page.url(), /theme=dark/);
  await page.keyboard.press('c');
  assert.match(await page.locator('#snippet').textContent(), /@tapedeck\/client/);
  await page.getByRole('tab', { name: 'wscat' }).click();
  assert.match(await page.locator('#snippet').textContent(), /wscat -c 'ws:.*book:BINANCE:BTC-USDT@5.*interval=1s'/);
  await page.keyboard.press('Escape');
  await page.keyboard.press('?');
  assert.equal(await page.locator('#keys').isVisible(), true);
  await page.keyboard.press('Escape');
  assert.deepEqual(page.complaints, []);
  await context.close();
});

test('a page of 390 px has no line that is cut and nothing beside it', async () => {
  const { context, page } = await shown({ viewport: { width: 390, height: 844 } });
  const wide = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(wide <= 390, `it is ${wide} px wide`);
  await page.waitForSelector('#bids li:not([hidden])');
  for (const part of ['#symbols', '#chart canvas', '#asks', '#bids', '#tape', '#interval', '#depth', '#copy', '#theme', '#find']) {
    const box = await page.locator(part).first().boundingBox();
    assert.ok(box && box.height > 0 && box.x >= 0 && box.x + box.width <= 390, `${part}: ${JSON.stringify(box)}`);
  }
  assert.deepEqual(page.complaints, []);
  await context.close();
});

test('hostile names are text', async () => {
  const context = await chromium.newContext();
  const page = await context.newPage();
  page.complaints = [];
  page.on('console', (m) => m.type() === 'error' && page.complaints.push(m.text()));
  page.on('pageerror', (error) => page.complaints.push(String(error)));
  await page.addInitScript(() => (globalThis.owned = false));
  const symbol = '<img src=x onerror="owned=true">';
  const venue = '<svg/onload=owned=true>';
  const market = new Market();
  await market.serve([{ venue, symbol, native: symbol }, { venue: 'MADE', symbol: "javascript:owned=true//'\"" }]);
  await page.goto(market.url);
  await page.locator('#symbols button').first().click();
  await firstPrice(page);
  assert.equal(await page.locator('#symbol').textContent(), symbol);
  assert.equal(await page.locator('#venue').textContent(), venue);
  assert.equal(await page.locator('#symbols li').count(), 2);
  await until('the node is named', async () => (await page.locator('#node').textContent()) === '<b>node</b>');
  assert.equal(await page.evaluate(() => document.querySelectorAll('#symbols img, #symbols svg, .head img, .head svg, #node b').length), 0);
  await page.keyboard.press('c');
  assert.equal(await page.locator('#snippet img').count(), 0);
  assert.equal(await page.evaluate(() => globalThis.owned), false);
  assert.deepEqual(page.complaints, []);
  await context.close();
  await market.close();
});

test('20 symbols and 5,000 updates a second are drawn once per frame', async (t) => {
  const context = await chromium.newContext({ viewport: { width: 1440, height: 900 } });
  const page = await context.newPage();
  const listed = Array.from({ length: 20 }, (_, i) => ({ venue: 'MADE', symbol: `S${String(i).padStart(2, '0')}-USD` }));
  const market = new Market();
  await market.serve(listed);
  await page.goto(`${market.url}/?symbol=MADE:S00-USD&interval=0`);
  await firstPrice(page);
  const stop = market.busy(5_000);
  await page.waitForTimeout(1_000);
  const before = market.sent;
  const session = await context.newCDPSession(page);
  await session.send('Performance.enable');
  const spent = async () => Object.fromEntries((await session.send('Performance.getMetrics')).metrics.map((m) => [m.name, m.value]));
  const spentBefore = await spent();
  // Changes of the ladder and the tape come to an observer once per draw: two of them between two frames would
  // be two draws in one.
  const seen = await page.evaluate(async () => {
    let [draws, most, frames, total] = [0, 0, [], 0];
    const observer = new MutationObserver(() => {
      draws++;
      total++;
    });
    for (const id of ['asks', 'bids', 'tape']) observer.observe(document.getElementById(id), { subtree: true, childList: true, characterData: true, attributes: true });
    let last = performance.now();
    const [start, end] = [last, last + 6_000];
    await new Promise((resolve) => {
      const frame = (now) => {
        frames.push(now - last);
        last = now;
        // The page's own callback of this frame has run or runs next: what it draws is counted to one frame or the other, never to both.
        most = Math.max(most, draws);
        draws = 0;
        if (now < end || frames.length < 100) requestAnimationFrame(frame); // a busy machine takes longer for them
        else resolve();
      };
      requestAnimationFrame(frame);
    });
    observer.disconnect();
    const seconds = (last - start) / 1000;
    frames = frames.slice(1).sort((a, b) => a - b);
    const at = (q) => frames[Math.floor(q * (frames.length - 1))].toFixed(1);
    return { most, total, seconds, frames: frames.length, p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1), late: frames.filter((f) => f > 25).length };
  });
  const said = market.sent - before;
  stop();
  const spentAfter = await spent();
  const perFrame = (name) => ((1000 * (spentAfter[name] - spentBefore[name])) / seen.frames).toFixed(2);
  t.diagnostic(`a frame's share of the main thread: ${perFrame('ScriptDuration')} ms script, ${perFrame('RecalcStyleDuration')} ms style, ${perFrame('LayoutDuration')} ms layout, ${perFrame('TaskDuration')} ms in all`);
  t.diagnostic(`${(said / seen.seconds).toFixed(0)} updates/s; ${seen.frames} frames in ${seen.seconds.toFixed(1)} s; ms a frame: p50 ${seen.p50}, p95 ${seen.p95}, p99 ${seen.p99}, max ${seen.max}; ${seen.late} later than 25 ms; ${seen.total} draws`);
  assert.ok(seen.total > 20, `it was drawn ${seen.total} times only`);
  assert.ok(said > 1_000, `the market said ${said} updates only`);
  assert.ok(seen.most <= 2 && seen.total <= seen.frames + 1, `${seen.total} draws in ${seen.frames} frames, ${seen.most} between two of them`);
  await context.close();
  await market.close();
});
