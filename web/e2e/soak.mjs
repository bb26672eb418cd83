// Looks at the page's memory for MINUTES (10), on a busy market, with the network cut once a minute: npm run soak.
import assert from 'node:assert/strict';
import { browser, demo, firstPrice, open } from './servers.mjs';
import { Wire } from './wire.mjs';

const minutes = Number(process.env.MINUTES ?? 10);
const server = await demo('--rate', '4');
const chromium = await browser('--enable-precise-memory-info');
try {
  const wire = await new Wire(server.port).open();
  const page = await open(await chromium.newContext({ viewport: { width: 1440, height: 900 } }), `${wire.url}/?interval=0`);
  await firstPrice(page);
  const session = await page.context().newCDPSession(page);
  const heap = async () => {
    await session.send('HeapProfiler.collectGarbage');
    return (await session.send('Runtime.getHeapUsage')).usedSize / 1e6;
  };
  await page.waitForTimeout(20_000); // all that is kept bounded has filled up by then
  const first = await heap();
  console.log(`at first ${first.toFixed(1)} MB`);
  let last = first;
  for (let minute = 1; minute <= minutes; minute++) {
    await page.waitForTimeout(57_000);
    wire.cut();
    await page.waitForTimeout(1_000);
    wire.mend();
    await page.waitForTimeout(2_000);
    last = await heap();
    console.log(`minute ${minute}: ${last.toFixed(1)} MB, ${await page.locator('#rate').textContent()}`);
  }
  assert.ok(last - first < 20, `the heap grew by ${(last - first).toFixed(1)} MB`);
  assert.deepEqual(page.complaints, []);
  await wire.close();
} finally {
  await chromium.close();
  await server.stop();
}
