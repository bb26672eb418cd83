// Runs the tests of the page's passive modules: each is bundled as the page is, and run by node.
import { spawnSync } from 'node:child_process';
import { rm, readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import path from 'node:path';
import { build } from 'esbuild';

const web = path.dirname(fileURLToPath(import.meta.url));
const out = path.join(web, 'build/test');
await rm(out, { recursive: true, force: true });
const tests = (await readdir(path.join(web, 'test'))).filter((name) => name.endsWith('.test.ts'));
await build({
  absWorkingDir: web,
  entryPoints: tests.map((name) => path.join('test', name)),
  outdir: out,
  outExtension: { '.js': '.mjs' },
  bundle: true,
  platform: 'node',
  format: 'esm',
  logLevel: 'warning',
});
const run = spawnSync(process.execPath, ['--test', ...tests.map((name) => path.join(out, name.replace(/\.ts$/, '.mjs')))], { stdio: 'inherit' });
process.exitCode = run.status ?? 1;
