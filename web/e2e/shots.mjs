// Takes pictures of the page, to be looked at: npm run shots -- FOLDER.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { browser, demo, firstPrice, open, replay } from './servers.mjs';

const folder = process.argv[2];
if (!folder) throw new Error('say where the pictures go: npm run shots -- FOLDER');
mkdirSync(folder, { recursive: true });

const wide = { width: 1440, height: 900 };
const narrow = { width: 390, height: 844 };
const [chromium, live, past] = await Promise.all([browser(), demo(), replay('--length', '5m')]);

async function shoot(name, url, viewport, colorScheme, act) {
  const context = await chromium.newContext({ viewport, colorScheme });
  const page = await open(context, url);
  await firstPrice(page);
  await page.waitForTimeout(4_000);
  await act?.(page, context);
  await page.screenshot({ path: path.join(folder, `${name}.png`) });
  console.log(name, page.url(), page.complaints.join('\n'));
  await context.close();
}

try {
  await shoot('wide-dark', live.url, wide, 'dark');
  await shoot('wide-light', live.url, wide, 'light');
  await shoot('large-dark', live.url, { width: 1920, height: 1080 }, 'dark');
  await shoot('medium-light', live.url, { width: 900, height: 1100 }, 'light');
  await shoot('narrow-dark', live.url, narrow, 'dark');
  await shoot('narrow-light', live.url, narrow, 'light', (page) => page.mouse.wheel(0, 600).then(() => page.waitForTimeout(500)));
  await shoot('copy', live.url, wide, 'dark', (page) => page.keyboard.press('c'));
  await shoot('keys', live.url, wide, 'light', (page) => page.keyboard.press('?'));
  await shoot('replaying', past.url, wide, 'dark');
  await shoot('replaying-paused-narrow', past.url, narrow, 'light', (page) => page.keyboard.press('Space').then(() => page.waitForTimeout(1_000)));
  await shoot('disconnected', live.url, wide, 'dark', async (page) => {
    await live.stop();
    await page.waitForTimeout(3_000);
  });
} finally {
  await chromium.close();
  await live.stop();
  await past.stop();
}
