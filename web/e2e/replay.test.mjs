// The replay bar: on an archive alone, and beside a live market.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { browser, demo, firstPrice, open, replay, until } from './servers.mjs';
import { Wire } from './wire.mjs';

let chromium, past, both;

before(async () => {
  past = await replay('--length', '3m');
  both = await demo('--symbols', 'BTCUSDT', '--symbols', 'ETHUSDT');
  chromium = await browser();
});
after(async () => {
  await chromium?.close();
  await past?.stop();
  await both?.stop();
});

const seek = (page) => page.locator('#seek').inputValue().then(Number);
const paused = (page) => page.locator('#play').getAttribute('aria-label').then((label) => label === 'Play');
const from = (page) => Date.parse(new URL(page.url()).searchParams.get('from'));

test('an archive alone is played: pause, step, seek, speed, from the keys and the bar', async () => {
  const context = await chromium.newContext();
  const page = await open(context, `${past.url}/`);
  await firstPrice(page);
  assert.equal(await page.locator('#to-live').isHidden(), true, 'there is nothing live here');
  assert.match(page.url(), /[?&]from=/);
  await until('the clock goes on', async () => (await seek(page)) > 0);

  await page.keyboard.press('Space');
  await until('it is paused', () => paused(page));
  assert.match(page.url(), /[?&]paused/);
  const trade = page.locator('#tape li').first();
  const still = await page.locator('#present').textContent();
  const shown = await trade.textContent();
  await until('steps bring a trade', async () => {
    await page.keyboard.press('ArrowRight');
    return (await trade.textContent()) !== shown;
  });
  assert.equal(await paused(page), true, 'a step leaves it paused');
  assert.ok(still);

  const box = await page.locator('#seek').boundingBox();
  const at = from(page);
  await page.mouse.move(box.x + 4, box.y + box.height / 2);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width / 3, box.y + box.height / 2, { steps: 4 });
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2, { steps: 4 });
  await page.mouse.up();
  await until('the address has the new time', () => from(page) > at + 60_000);
  await until('the clock is there', async () => Math.abs((await seek(page)) - 500) < 30);
  assert.equal(await paused(page), true, 'a seek leaves it paused');

  await page.locator('#speed').selectOption('100');
  assert.match(page.url(), /speed=100/);
  await page.locator('#seek').blur();
  await page.keyboard.press('Space');
  await until('it reaches the end', async () => / the end/.test(await page.locator('#present').textContent()));
  assert.deepEqual(page.complaints, []);
  await context.close();
});

test('a live page goes back in time and returns', async () => {
  const context = await chromium.newContext();
  const page = await open(context, `${both.url}/?symbol=BINANCE:BTC-USDT`);
  await firstPrice(page);
  await page.waitForSelector('#replay:not([hidden])');
  assert.equal(await page.locator('#to-live').getAttribute('aria-pressed'), 'true');
  const box = await page.locator('#seek').boundingBox();
  await page.mouse.click(box.x + box.width * 0.8, box.y + box.height / 2);
  await page.waitForSelector('#link[data-state=replay]');
  await firstPrice(page);
  await until('the clock goes on in the past', async () => {
    const now = await seek(page);
    return now > 700 && now < 900;
  });
  await page.locator('#to-live').click();
  await page.waitForSelector('#link[data-state=open]');
  assert.doesNotMatch(page.url(), /from=/);
  await firstPrice(page);
  assert.deepEqual(page.complaints, []);
  await context.close();
});

test('an address of a replay is shown as it says', async () => {
  const { logs } = await (await fetch(`${past.url}/v1/archive`)).json();
  const at = Math.min(...logs.map((log) => log.from)) + 90_000_000;
  const context = await chromium.newContext();
  const page = await open(context, `${past.url}/?symbol=BINANCE:ETH-USDT&from=${at}&speed=0.5&paused&depth=5&width=5m&theme=dark`);
  await firstPrice(page);
  await until('it stands where the address says', async () => (await paused(page)) && Math.abs((await seek(page)) - 500) < 30);
  assert.equal(await page.locator('#symbol').textContent(), 'ETH-USDT');
  assert.equal(await page.locator('#speed').inputValue(), '0.5');
  assert.equal(await page.locator('#depth').inputValue(), '5');
  assert.equal(await page.locator('#widths [aria-pressed=true]').textContent(), '5m');
  assert.equal(await page.locator('html').getAttribute('data-theme'), 'dark');
  assert.deepEqual(page.complaints, []);
  await context.close();
});

test('a replay whose wire was cut goes on where it was', async () => {
  const wire = await new Wire(past.port).open();
  const context = await chromium.newContext();
  const page = await open(context, `${wire.url}/?speed=10`);
  await firstPrice(page);
  await until('it has come a good way', async () => (await seek(page)) > 300);
  wire.cut();
  await page.waitForSelector('body.away');
  const stood = await seek(page);
  await page.keyboard.press('Space'); // also what is asked for while it is away holds
  wire.mend();
  await page.locator('#link').click();
  await page.waitForSelector('#link[data-state=replay]', { timeout: 60_000 });
  await until('it stands where it was', async () => (await paused(page)) && Math.abs((await seek(page)) - stood) < 60);
  await page.locator('#link').blur();
  await page.keyboard.press('Space');
  await until('it goes on from there', async () => (await seek(page)) > stood + 60);
  assert.deepEqual(page.complaints, []);
  await context.close();
  await wire.close();
});
