// The page: what is shown, as its address has it; the feed that tells of it; and what a person may do.

import * as address from './address.ts';
import { CopyAs, keys } from './dialogs.ts';
import { $, options, write } from './dom.ts';
import { Instrument, type Part } from './instrument.ts';
import { listen } from './keyboard.ts';
import { Measured } from './measured.ts';
import { Painter } from './paint.ts';
import { ReplayBar } from './replaybar.ts';
import { offered, Servers } from './servers.ts';
import { Stream } from './stream.ts';
import { Symbols } from './symbols.ts';

let view = address.parse(location.search);

const painter = new Painter<Part | 'list' | 'symbols'>(paint);
const touched = new Set<string>(); // symbols whose tickers have changed
const symbols = new Symbols((key) => go({ symbol: key }, true));
const measured = new Measured();
const instrument = new Instrument(
  (part) => painter.mark(part),
  (ts) => stream.told(ts, (ms) => measured.note(ms)),
);
const servers = new Servers();
let choosing: ReturnType<typeof setTimeout> | undefined;
const stream = new Stream({
  state: showTimeline,
  hello: showOffers,
  ticker: (key, ticker) => {
    if (!symbols.entries.has(key)) painter.mark('symbols');
    symbols.entry(key).ticker = ticker;
    touched.add(key);
    painter.mark('list');
    if (!view.symbol) choosing ??= setTimeout(chooseBusiest, view.from ? 700 : 150); // the other symbols' tickers come right after
    if (key === view.symbol) painter.mark('ticker');
  },
  timeline: () => {
    if (stream.caughtUp) go({ from: '', to: '', paused: false });
    else showTimeline();
  },
});
const bar = new ReplayBar({ toggle, step, seek, live, speed: (speed) => go({ speed }) });
const copyAs = new CopyAs(() => ({ ...view, origin: location.origin }));

function paint(parts: ReadonlySet<string>): void {
  if (parts.has('list')) {
    for (const key of touched) symbols.show(symbols.entry(key));
    touched.clear();
  }
  if (parts.has('symbols')) symbols.mark(view.symbol);
  instrument.draw(parts);
}

// go shows something else: by its address, so that it can be shown again. A step is one that "back" undoes.
function go(to: Partial<address.View>, step = false): void {
  const next = { ...view, ...to };
  const path = location.pathname + address.format(next);
  if (path !== location.pathname + location.search) {
    if (step) history.pushState(null, '', path);
    else history.replaceState(null, '', path);
  }
  apply(next);
}

// apply makes the page show what its address says, changing only what differs.
function apply(next: address.View, all = false): void {
  const before = view;
  view = next;
  const differs = (...names: (keyof address.View)[]) => all || names.some((name) => before[name] !== next[name]);
  if (differs('theme')) dress();
  if (differs('find')) {
    $<HTMLInputElement>('find').value = next.find;
    symbols.search(next.find);
  }
  if (differs('from', 'to') && !stream.isAt(next.from, next.to)) {
    instrument.leave();
    stream.open(next);
    showInstrument();
  } else if (differs('symbol')) showInstrument();
  else if (differs('interval', 'depth', 'width')) instrument.configure(stream.feed, next);
  if (differs('speed')) stream.speed(next.speed);
  if (differs('paused')) stream.pause(next.paused);
  showOffers();
  showCommand();
  showTimeline();
}

function showInstrument(): void {
  symbols.mark(view.symbol);
  if (view.symbol) instrument.show(stream.feed, symbols.entry(view.symbol), view);
}

// chooseBusiest chooses, where nobody has, the symbol in which the most money moved.
function chooseBusiest(): void {
  const busiest = symbols.busiest();
  if (!view.symbol && busiest) go({ symbol: busiest });
}

function dress(): void {
  if (view.theme) document.documentElement.dataset.theme = view.theme;
  else delete document.documentElement.dataset.theme;
  instrument.chart.dress();
}

const dark = matchMedia('(prefers-color-scheme: dark)');

function switchTheme(): void {
  const now = view.theme || (dark.matches ? 'dark' : 'light');
  const other = now === 'dark' ? 'light' : 'dark';
  go({ theme: other === (dark.matches ? 'dark' : 'light') ? '' : other });
}

function showLink(): void {
  const { state } = stream;
  const detail = /^\d*$/.test(stream.detail) ? '' : stream.detail; // a mere close code tells a person nothing
  const words = { open: view.from ? 'replay' : 'live', waiting: 'reconnecting', connecting: 'connecting', closed: 'closed' };
  const node = $('link');
  node.dataset.state = state === 'open' && view.from ? 'replay' : state;
  node.title = state === 'waiting' ? 'connect now' : detail;
  node.querySelector('span')!.textContent = detail && state !== 'open' ? `${words[state]} · ${detail}` : words[state];
  document.body.classList.toggle('away', state !== 'open');
}

// showOffers fills the selectors with what the server offers, and shows what is chosen.
function showOffers(): void {
  const { intervals, depths, widths } = stream.offers ?? offered;
  const including = (list: string[], chosen: string) => (list.includes(chosen) ? list : [chosen, ...list]);
  options($('interval'), including(intervals, view.interval).map((i) => [i, i === '0' ? 'every tick' : i]), view.interval);
  options($('depth'), including(depths, view.depth).map((d) => [d, d]), view.depth);
  const group = $('widths');
  const list = including(widths, view.width);
  if ([...group.children].map((b) => b.textContent).join() !== list.join()) {
    group.replaceChildren(
      ...list.map((width) => {
        const button = document.createElement('button');
        button.type = 'button';
        button.textContent = width;
        button.addEventListener('click', () => go({ width }));
        return button;
      }),
    );
  }
  for (const button of group.children) button.setAttribute('aria-pressed', String(button.textContent === view.width));
}

function showCommand(): void {
  const book = view.symbol && `book:${view.symbol}@${view.depth}`;
  write('command', book ? `streamer tail ${book} --url ${location.origin}` : '');
  $<HTMLAnchorElement>('snapshot').href = book ? `v1/snapshot/${encodeURIComponent(book)}` : 'v1/symbols';
}

function showTimeline(): void {
  bar.show({ time: stream.time, paused: view.paused, ended: stream.ended, speed: view.speed, mayGoLive: servers.live });
  showLink();
}

// follow keeps a replay's time in the address, so that who opens it again goes on from there.
function follow(): void {
  if (stream.time === undefined) return;
  const from = text(stream.time);
  stream.moved(from);
  go({ from });
}

const text = (micros: number) => new Date(micros / 1000).toISOString().replace('.000Z', 'Z');

// seek moves the replay, or begins one at that time.
function seek(micros: number): void {
  const from = text(micros);
  if (view.from) stream.seek(micros, from);
  go(view.from ? { from } : { from, to: servers.live ? 'live' : '', paused: false });
}

function move(seconds: number): void {
  const now = stream.time;
  if (now === undefined || !servers.span) return;
  seek(Math.max(servers.span.from, now + seconds * 1e6));
}

function toggle(): void {
  if (!view.from) return;
  if (stream.ended && servers.span) return seek(servers.span.from);
  go({ paused: !view.paused });
}

function step(): void {
  if (!view.from) return;
  go({ paused: true });
  stream.step();
}

function live(): void {
  if (view.from && servers.live) go({ from: '', to: '', paused: false });
}

listen({
  search: () => $('find').focus(),
  toggle,
  step,
  move,
  symbol: (by) => {
    const key = symbols.beside(view.symbol, by);
    if (key) go({ symbol: key }, true);
  },
  live,
  copy: () => copyAs.open(),
  theme: switchTheme,
  help: keys,
});

$('find').addEventListener('input', (event) => go({ find: (event.target as HTMLInputElement).value }));
$('find').addEventListener('keydown', (event) => {
  if (event.key === 'Enter') {
    const first = symbols.beside('', 0);
    if (first) go({ symbol: first, find: '' }, true);
    $('find').blur();
  } else if (event.key === 'Escape') {
    go({ find: '' });
    $('find').blur();
  } else if (event.key === 'ArrowDown') {
    event.preventDefault();
    document.querySelector<HTMLElement>('#symbols li:not([hidden]) button')?.focus();
  }
});
$('interval').addEventListener('change', (event) => go({ interval: (event.target as HTMLSelectElement).value }));
$('depth').addEventListener('change', (event) => go({ depth: (event.target as HTMLSelectElement).value }));
$('theme').addEventListener('click', switchTheme);
$('help').addEventListener('click', keys);
$('link').addEventListener('click', () => stream.now());
addEventListener('popstate', () => apply(address.parse(location.search)));
dark.addEventListener('change', () => instrument.chart.dress());

setInterval(() => {
  const { counts } = stream;
  measured.show({ ...counts, granted: instrument.granted }, performance.now());
  write('node', counts.node);
  document.title = instrument.title;
  follow();
}, 1000);

// A server that has just started knows nothing yet, so it is asked again until it does.
async function look(): Promise<void> {
  await servers.look();
  bar.holds(servers.span);
  for (const key of servers.symbols) symbols.entry(key);
  symbols.mark(view.symbol);
  stream.list(servers.venues, servers.symbols);
  // Where nothing is live but something is held, that is played.
  if (!servers.live && servers.span && !view.from) go({ from: text(servers.span.from) });
  showTimeline();
  setTimeout(() => void look(), servers.live || view.from ? 10_000 : 1_000);
}

apply(view, true);
void look();
