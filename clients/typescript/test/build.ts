// Builds both programs once, into a folder that is gone afterwards; TAPEDECK_BIN names a folder where they are already.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = join(dirname(fileURLToPath(import.meta.url)), '../../..');

export default function setup(): () => void {
  if (process.env.TAPEDECK_BIN) return () => {};
  const bin = mkdtempSync(join(tmpdir(), 'tapedeck-client-'));
  execFileSync('go', ['build', '-o', bin + '/', './cmd/streamer', './cmd/replay'], { cwd: root, stdio: 'inherit' });
  process.env.TAPEDECK_BIN = bin;
  return () => rmSync(bin, { recursive: true, force: true });
}
