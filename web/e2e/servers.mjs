// Starts the project's own programs for the tests, and stops what it started.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import path from 'node:path';
import { chromium } from 'playwright-core';

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '../..');
let programs;

// build makes both programs once, into a folder that goes away with this process.
function build() {
  if (programs) return programs;
  programs = mkdtempSync(path.join(tmpdir(), 'tapedeck-page-'));
  process.on('exit', () => rmSync(programs, { recursive: true, force: true }));
  const { status, stderr } = spawnSync('go', ['build', '-o', `${programs}/`, './cmd/streamer', './cmd/replay'], { cwd: root, encoding: 'utf8' });
  if (status !== 0) throw new Error(`go build: ${stderr}`);
  return programs;
}

// freePort asks the system for a port that nobody listens on.
export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

// until waits for something to be so.
export async function until(what, so, ms = 30_000) {
  const end = Date.now() + ms;
  for (;;) {
    const is = await so();
    if (is) return is;
    if (Date.now() > end) throw new Error(`waited ${ms / 1000} s in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

export class Program {
  constructor(name, args, port) {
    Object.assign(this, { name, args, port, url: `http://127.0.0.1:${port}` });
  }

  async start() {
    this.process = spawn(path.join(build(), this.name), [...this.args, '--listen', `127.0.0.1:${this.port}`], { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    this.process.stderr.on('data', (text) => (said = (said + text).slice(-4000)));
    await until(`${this.name} answers on ${this.url}`, async () => {
      if (this.process.exitCode !== null) throw new Error(`${this.name} has ended: ${said}`);
      return (await fetch(`${this.url}/readyz`).catch(() => undefined))?.ok;
    });
    return this;
  }

  async stop() {
    if (this.process.exitCode !== null) return;
    const ended = new Promise((resolve) => this.process.once('exit', resolve));
    this.process.kill('SIGKILL'); // not drained: what a crash would be
    await ended;
  }

  async restart() {
    await this.stop();
    await this.start();
  }
}

export const demo = async (...args) => new Program('streamer', ['demo', '--admin', 'off', '--gaps', '0', ...args], await freePort()).start();
export const replay = async (...args) => new Program('replay', ['demo', ...args], await freePort()).start();

const places = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

export async function browser(...args) {
  const executablePath = process.env.CHROMIUM ?? places.find((p) => existsSync(p));
  if (!executablePath) throw new Error('there is no Chromium here: apt-get install chromium, or set CHROMIUM to where it is');
  return chromium.launch({ executablePath, args: ['--no-sandbox', ...args] });
}

// open opens a page that notes what its console complains of. What the network could not reach is the browser's own
// line about a server that is away on purpose, and none of the page's.
export async function open(context, url) {
  const page = await context.newPage();
  page.complaints = [];
  const away = /net::ERR_|WebSocket connection to .* failed/;
  page.on('console', (m) => m.type() === 'error' && !away.test(m.text()) && page.complaints.push(m.text()));
  page.on('pageerror', (error) => page.complaints.push(String(error)));
  await page.goto(url);
  return page;
}

// firstPrice waits for a price of the chosen symbol.
export async function firstPrice(page) {
  await page.waitForFunction(() => /\d/.test(document.getElementById('last').textContent), undefined, { timeout: 30_000 });
}
