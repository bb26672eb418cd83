// The page: what is chosen, what the stream says of it, and when to draw.

import { Book } from './book.js';
import { Candles } from './candles.js';
import { Chart } from './chart.js';
import { Clock, median } from './clock.js';
import * as decimal from './decimal.js';
import { Health } from './health.js';
import { Link } from './link.js';
import { parseRoom, roomName } from './room.js';
import { Ladder, Price, Symbols, Tape, write } from './view.js';

const depth = 20;
const trades = 60;
const width = '1m';
const listInterval = '1s'; // for the list a second is soon enough
const pingEvery = 5_000;
const pingsAtFirst = 4; // one right after the other: the first answers are slow

const $ = (id) => document.getElementById(id);

const world = {
  now: Date.now,
  open: (address) => new WebSocket(address, 'tapedeck.v1.json'),
  later: (fn, ms) => {
    const timer = setTimeout(fn, ms);
    return () => clearTimeout(timer);
  },
  random: Math.random,
};

const book = new Book();
const health = new Health(world, (word) => {
  badge('book-state', word);
  $('book').classList.toggle('stale', word.kind === 'bad');
});
const asks = new Ladder($('asks'), depth);
const bids = new Ladder($('bids'), depth);
const tape = new Tape($('tape'), trades);
const candles = new Candles(400);
const chart = new Chart($('chart'), () => draw('chart'));
const symbols = new Symbols($('symbols'), (venue, symbol) => {
  location.hash = `${encodeURIComponent(venue)}/${encodeURIComponent(symbol)}`;
});
const tickers = new Map(); // by room
const venues = new Set();
const clock = new Clock();

let chosen = null; // the rooms of what is shown, and how its numbers are written
let interval = '100ms';
let arrived = 0; // messages, since the last second
let ages = []; // of those of the chosen symbol, in ms
let gaps = 0;
let pings = 0; // of this connection
const changed = new Set(); // what the next frame of the screen draws anew

function draw(part) {
  if (changed.size === 0) requestAnimationFrame(paint);
  changed.add(part);
}

function paint() {
  const parts = new Set(changed);
  changed.clear();
  if (!chosen) return;
  if (parts.has('book')) paintBook();
  if (parts.has('tape')) {
    tape.show(chosen.prices, chosen.sizes);
    $('no-trades').hidden = tape.trades.length > 0;
  }
  if (parts.has('tape') || parts.has('ticker')) paintInstrument();
  if (parts.has('chart')) chart.draw(candles.last(400), (price) => chosen.prices.text(price));
}

function paintBook() {
  const ladder = book.ladder(depth);
  asks.show(ladder.asks, chosen.prices, chosen.sizes);
  bids.show(ladder.bids, chosen.prices, chosen.sizes);
  write('spread', ladder.spread ? chosen.prices.text(ladder.spread.text) : '–');
  write('spread-bp', ladder.spread ? `${ladder.spread.basisPoints.toFixed(2)} bp` : '');
  $('no-book').hidden = !book.empty;
}

// change is how far the last price is from the day's first.
function change(ticker) {
  if (!ticker?.last || !ticker.open) return null;
  const open = decimal.parse(ticker.open);
  const percent = 100 * decimal.ratio(decimal.subtract(decimal.parse(ticker.last), open), open);
  const text = `${percent > 0 ? '+' : ''}${percent.toFixed(2)} %`;
  return { text, way: percent > 0 ? 'up' : percent < 0 ? 'down' : 'even' };
}

function paintInstrument() {
  const ticker = tickers.get(chosen.ticker);
  const moved = change(ticker);
  chosen.last.show(tape.last ?? ticker?.last ?? undefined);
  write('change', moved?.text ?? '');
  $('change').className = moved?.way ?? '';
  for (const field of ['high', 'low']) write(field, ticker?.[field] ? chosen.prices.text(ticker[field]) : '–');
  write('volume', ticker?.volume ? decimal.brief(ticker.volume) : '–');
  document.title = `${$('last').textContent} ${chosen.symbol} · Tapedeck`;
}

// badge says in a panel's head how its room is, where that needs a word.
function badge(id, { text, kind }) {
  $(id).hidden = kind === 'live';
  $(id).dataset.kind = kind;
  write(id, text);
}

const kindOf = (name) => (name === 'live' ? 'live' : name === 'quiet' ? 'other' : 'bad');

const handler = {
  state(name, detail) {
    const words = { open: 'live', waiting: 'reconnecting', connecting: 'connecting', closed: 'closed' };
    $('link').dataset.state = name;
    $('link').title = name === 'waiting' ? 'connect now' : (detail ?? '');
    $('link').querySelector('span').textContent = detail ? `${words[name]} · ${detail}` : words[name];
    document.body.classList.toggle('away', name !== 'open');
  },
  hello(message) {
    const offered = message.intervals.filter((text) => text !== '0');
    $('interval').replaceChildren(new Option('every tick', '0'), ...offered.map((text) => new Option(text, text)));
    if (interval !== '0' && !offered.includes(interval)) interval = offered[0] ?? '0';
    $('interval').value = interval;
    pings = 0;
    ping();
  },
  frame(messages) {
    arrived += messages.length;
  },
  heartbeat(message) {
    if (message.lag !== undefined) write('lag', String(message.lag));
  },
  pong(message) {
    clock.answered(message.ts);
    if (++pings < pingsAtFirst) ping();
  },
  refused(message) {
    const refusal = { text: `${message.code} · ${message.message}`, kind: 'bad' };
    if (!message.room || message.room === chosen?.book) badge('book-state', refusal);
    if (message.room === chosen?.tape) badge('tape-state', refusal);
  },
  broken() {
    write('gaps', String(++gaps));
  },
  granted(granted) {
    const room = parseRoom(granted.room);
    symbols.entry(room.venue, room.symbol);
    $('no-symbols').hidden = true;
    if (granted.room === chosen?.book) {
      health.is(granted.state);
      $('interval').value = granted.interval;
    }
    if (granted.room === chosen?.tape) badge('tape-state', { text: granted.state, kind: kindOf(granted.state) });
    if (!chosen) setTimeout(chooseBusiest, 300); // their tickers come right after
  },
  room(verdict, message) {
    if (verdict === 'gap') write('gaps', String(++gaps));
    if (message.room === chosen?.book) onBook(verdict, message);
    else if (message.room === chosen?.tape) onTape(verdict, message);
    else if (message.room === chosen?.chart) onCandles(verdict, message);
    else if (message.room.startsWith('ticker:')) onTicker(verdict, message);
  },
};

function onBook(verdict, message) {
  if (verdict === 'replace') {
    book.replace(message.d);
    health.is('live');
  } else if (verdict === 'apply') {
    book.apply(message.d);
    note(message);
  } else if (verdict === 'gap') health.is('stale', message.reason);
  else health.is(message.state, message.reason);
  draw('book');
}

function onTape(verdict, message) {
  if (verdict === 'replace') tape.clear();
  if (verdict === 'replace' || verdict === 'apply') tape.add(message.d ?? []);
  else if (verdict === 'gap') tape.gap(message);
  else badge('tape-state', { text: message.state, kind: kindOf(message.state) });
  if (verdict === 'apply') note(message);
  draw('tape');
}

function onCandles(verdict, message) {
  if (verdict === 'replace') candles.replace(message.d);
  else if (verdict === 'apply') candles.apply(message.d);
  draw('chart');
}

function onTicker(verdict, message) {
  if (verdict !== 'replace' && verdict !== 'apply') return;
  const ticker = verdict === 'replace' ? {} : (tickers.get(message.room) ?? {});
  Object.assign(ticker, message.d);
  tickers.set(message.room, ticker);
  const { venue, symbol } = parseRoom(message.room);
  symbols.show(venue, symbol, ticker.last ?? undefined, change(ticker));
  if (message.room === chosen?.ticker) draw('ticker');
}

// note takes a message's age down.
function note(message) {
  const age = clock.age(message.ts);
  if (age !== null && ages.length < 1000) ages.push(age);
}

function choose(venue, symbol) {
  if (chosen?.venue === venue && chosen?.symbol === symbol) return;
  if (chosen) link.unsubscribe([chosen.book, chosen.tape, chosen.chart]);
  const { places } = symbols.entry(venue, symbol);
  chosen = {
    venue,
    symbol,
    book: roomName('book', venue, symbol, String(depth)),
    tape: roomName('trades', venue, symbol),
    chart: roomName('candles', venue, symbol, width),
    ticker: roomName('ticker', venue, symbol),
    prices: places,
    sizes: new decimal.Places(),
    last: new Price($('last'), places),
  };
  for (const part of [book, tape, candles]) part.clear();
  health.fresh();
  badge('tape-state', { text: '', kind: 'live' });
  link.subscribe([chosen.book, chosen.tape, chosen.chart], interval);
  symbols.mark(venue, symbol);
  write('symbol', symbol);
  write('venue', venue);
  write('command', `streamer tail ${chosen.book}`);
  $('snapshot').href = `v1/snapshot/${encodeURIComponent(chosen.book)}`;
  for (const part of ['book', 'tape', 'ticker', 'chart']) draw(part);
}

// chooseBusiest chooses, where nobody has, the symbol in which the most money moved.
function chooseBusiest() {
  if (chosen || symbols.entries.size === 0) return;
  const moved = ({ venue, symbol }) => decimal.parse(tickers.get(roomName('ticker', venue, symbol))?.quoteVolume ?? '0');
  const busiest = [...symbols.entries.values()].reduce((a, b) => (decimal.compare(moved(b), moved(a)) > 0 ? b : a));
  choose(busiest.venue, busiest.symbol);
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return ''; // typed by hand
  }
}

// fromAddress chooses what #VENUE/SYMBOL names.
function fromAddress() {
  const [venue, symbol] = location.hash.slice(1).split('/').map(decode);
  if (venue && symbol) choose(venue, symbol);
  symbols.mark(chosen?.venue, chosen?.symbol);
}

// follow asks which symbols there are and orders their tickers, those of later symbols included. A
// server that has just started knows none yet, so it asks again until there are some.
async function follow() {
  try {
    const answer = await fetch(replay ? 'v1/archive' : 'v1/symbols', { headers: { accept: 'application/json' } });
    const list = await answer.json();
    for (const { venue, symbol } of list.symbols ?? list.logs) {
      if (!venue) continue;
      if (symbol) symbols.entry(venue, symbol); // of an archive only venues are known: their rooms are announced
      if (!venues.has(venue)) link.subscribe([`ticker:${venue}:*`], listInterval);
      venues.add(venue);
    }
    $('no-symbols').hidden = symbols.entries.size > 0;
    symbols.mark(chosen?.venue, chosen?.symbol);
  } catch {
    // The link says on the page that the server is away.
  }
  if (venues.size === 0) setTimeout(follow, 2000);
}

function ping() {
  clock.asked();
  link.ping();
}

const replay = new URLSearchParams(location.search).has('from'); // as in /?from=2026-01-31T14:30:00Z&speed=10
const address = new URL(replay ? `v1/replay${location.search}` : 'v1/stream', document.baseURI);
address.protocol = address.protocol.replace('http', 'ws');
const link = new Link(address, handler, world);

$('link').addEventListener('click', () => link.now());
$('filter').addEventListener('input', (event) => symbols.filter(event.target.value));
$('interval').addEventListener('change', (event) => {
  interval = event.target.value;
  if (chosen) link.subscribe([chosen.book, chosen.tape, chosen.chart], interval);
});
addEventListener('hashchange', fromAddress);
addEventListener('online', () => link.now());
setInterval(ping, pingEvery);
setInterval(() => {
  write('rate', String(arrived));
  const age = median(ages);
  if (age !== null) write('age', age < 10 ? age.toFixed(1) : age.toFixed(0));
  [arrived, ages] = [0, []];
}, 1000);
fromAddress();
follow();
