// Builds the page into server/page, from where the server embeds it. With --check it builds into memory and
// says which committed file differs. The chart's library is a file of its own: it changes when its version does.
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import path from 'node:path';
import { build } from 'esbuild';

const web = path.dirname(fileURLToPath(import.meta.url));
const page = path.join(web, '../server/page');
const library = 'lightweight-charts.js';
const notice = '/*! TradingView Lightweight Charts™, Copyright (c) 2025 TradingView, Inc. https://www.tradingview.com/ Apache-2.0 */';

const options = {
  absWorkingDir: web,
  outdir: page,
  bundle: true,
  format: 'esm',
  target: ['chrome120', 'firefox120', 'safari17.5'],
  minify: true,
  charset: 'utf8',
  legalComments: 'none',
  write: false,
  logLevel: 'warning',
};

const beside = {
  name: 'the chart library lies beside the page',
  setup: (b) => b.onResolve({ filter: /^lightweight-charts$/ }, () => ({ path: `./${library}`, external: true })),
};

const results = await Promise.all([
  build({
    ...options,
    entryPoints: { app: 'src/app.ts', style: 'src/style.css' },
    plugins: [beside],
    alias: { '@tapedeck/client': path.join(web, '../clients/typescript/src/index.ts') },
  }),
  build({ ...options, entryPoints: { 'lightweight-charts': 'src/chart/library.ts' }, banner: { js: notice } }),
]);
const files = new Map(results.flatMap((r) => r.outputFiles.map((f) => [path.basename(f.path), f.text])));
files.set('index.html', await readFile(path.join(web, 'src/index.html'), 'utf8'));

let differ = 0;
for (const [name, text] of files) {
  const at = path.join(page, name);
  if (!process.argv.includes('--check')) await writeFile(at, text);
  else if ((await readFile(at, 'utf8').catch(() => '')) !== text) {
    console.error(`server/page/${name} is not what web/ builds: run make web and commit it`);
    differ++;
  }
}
process.exitCode = differ > 0 ? 1 : 0;
