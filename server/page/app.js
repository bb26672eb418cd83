// The page: what is chosen, what the stream says of it, and when to draw.

import { Book } from './book.js';
import * as decimal from './decimal.js';
import { Link } from './link.js';
import { parseRoom, roomName } from './room.js';
import { Ladder, Symbols, Tape, write } from './view.js';

const depth = 20;
const trades = 60;
const listInterval = '1s'; // for the list a second is soon enough

const $ = (id) => document.getElementById(id);

const book = new Book();
const asks = new Ladder($('asks'), depth);
const bids = new Ladder($('bids'), depth);
const tape = new Tape($('tape'), trades);
const symbols = new Symbols($('symbols'), (venue, symbol) => {
  location.hash = `${encodeURIComponent(venue)}/${encodeURIComponent(symbol)}`;
});
const tickers = new Map(); // by room
const venues = new Set();

let chosen = null; // {venue, symbol, book, tape, ticker}
let interval = '100ms';
let arrived = 0;
let gaps = 0;
const changed = new Set(); // what the next frame of the screen draws anew

function draw(part) {
  if (changed.size === 0) requestAnimationFrame(paint);
  changed.add(part);
}

function paint() {
  const parts = new Set(changed);
  changed.clear();
  if (parts.has('book')) paintBook();
  if (parts.has('tape')) {
    tape.show();
    $('no-trades').hidden = tape.trades.length > 0;
  }
  if (parts.has('ticker')) paintInstrument();
}

function paintBook() {
  const ladder = book.ladder(depth);
  asks.show(ladder.asks);
  bids.show(ladder.bids);
  write('spread', ladder.spread?.text ?? '–');
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
  const ticker = tickers.get(chosen?.ticker);
  const moved = change(ticker);
  write('last', ticker?.last ?? '–');
  write('change', moved?.text ?? '');
  $('change').className = moved?.way ?? '';
  for (const field of ['high', 'low', 'volume']) write(field, ticker?.[field] ?? '–');
}

function state(id, name, reason) {
  const bad = name !== 'live' && name !== 'quiet';
  $(id).hidden = name === 'live';
  $(id).dataset.bad = bad;
  write(id, reason ? `${name} · ${reason}` : name);
}

const handler = {
  state(name, detail) {
    const words = { open: 'live', waiting: 'reconnecting', connecting: 'connecting', closed: 'closed' };
    $('link').dataset.state = name;
    $('link').title = name === 'waiting' ? 'connect now' : (detail ?? '');
    $('link').querySelector('span').textContent = detail ? `${words[name]} · ${detail}` : words[name];
    document.body.classList.toggle('away', name !== 'open');
  },
  hello(message) {
    const options = message.intervals.map((text) => new Option(text, text));
    $('interval').replaceChildren(new Option('every tick', '0'), ...options);
    if (interval !== '0' && !message.intervals.includes(interval)) interval = message.intervals[0];
    $('interval').value = interval;
  },
  frame(messages) {
    arrived += messages.length;
  },
  heartbeat(message) {
    if (message.lag !== undefined) write('lag', String(message.lag));
  },
  refused(message) {
    if (!message.room || message.room === chosen?.book) state('book-state', message.code, message.message);
    if (message.room === chosen?.tape) state('tape-state', message.code, message.message);
  },
  broken() {
    write('gaps', String(++gaps));
  },
  granted(granted) {
    const room = parseRoom(granted.room);
    symbols.entry(room.venue, room.symbol);
    $('no-symbols').hidden = true;
    if (granted.room === chosen?.book) {
      state('book-state', granted.state);
      $('interval').value = granted.interval;
    }
    if (granted.room === chosen?.tape) state('tape-state', granted.state);
    if (!chosen) choose(room.venue, room.symbol);
  },
  room(verdict, message) {
    if (verdict === 'gap') write('gaps', String(++gaps));
    if (message.room === chosen?.book) onBook(verdict, message);
    else if (message.room === chosen?.tape) onTape(verdict, message);
    else if (message.room.startsWith('ticker:')) onTicker(verdict, message);
  },
};

function onBook(verdict, message) {
  if (verdict === 'replace') {
    book.replace(message.d);
    state('book-state', 'live');
  } else if (verdict === 'apply') book.apply(message.d);
  else if (verdict === 'gap') state('book-state', 'stale', message.reason);
  else state('book-state', message.state, message.reason);
  draw('book');
}

function onTape(verdict, message) {
  if (verdict === 'replace') tape.clear();
  if (verdict === 'replace' || verdict === 'apply') tape.add(message.d ?? []);
  else if (verdict === 'gap') tape.gap(message);
  else state('tape-state', message.state, message.reason);
  draw('tape');
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

function choose(venue, symbol) {
  if (chosen?.venue === venue && chosen?.symbol === symbol) return;
  if (chosen) link.unsubscribe([chosen.book, chosen.tape]);
  chosen = {
    venue,
    symbol,
    book: roomName('book', venue, symbol, String(depth)),
    tape: roomName('trades', venue, symbol),
    ticker: roomName('ticker', venue, symbol),
  };
  book.clear();
  tape.clear();
  for (const id of ['book-state', 'tape-state']) $(id).hidden = true;
  link.subscribe([chosen.book, chosen.tape], interval);
  symbols.entry(venue, symbol);
  symbols.mark(venue, symbol);
  write('symbol', symbol);
  write('venue', venue);
  write('command', `streamer tail ${chosen.book}`);
  $('snapshot').href = `v1/snapshot/${encodeURIComponent(chosen.book)}`;
  document.title = `${symbol} · Tapedeck`;
  for (const part of ['book', 'tape', 'ticker']) draw(part);
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
    const answer = await fetch('v1/symbols', { headers: { accept: 'application/json' } });
    const list = await answer.json();
    for (const { venue, symbol } of list.symbols ?? list) {
      symbols.entry(venue, symbol);
      if (!venues.has(venue)) link.subscribe([`ticker:${venue}:*`], listInterval);
      venues.add(venue);
      if (!chosen) choose(venue, symbol);
    }
    $('no-symbols').hidden = symbols.entries.size > 0;
    symbols.mark(chosen?.venue, chosen?.symbol);
  } catch {
    // The link says on the page that the server is away.
  }
  if (venues.size === 0) setTimeout(follow, 2000);
}

const world = {
  open: (address) => new WebSocket(address, 'tapedeck.v1.json'),
  later: (fn, ms) => {
    const timer = setTimeout(fn, ms);
    return () => clearTimeout(timer);
  },
  random: Math.random,
};
const address = new URL('v1/stream', document.baseURI);
address.protocol = address.protocol.replace('http', 'ws');
const link = new Link(address, handler, world);

$('link').addEventListener('click', () => link.now());
$('filter').addEventListener('input', (event) => symbols.filter(event.target.value));
$('interval').addEventListener('change', (event) => {
  interval = event.target.value;
  if (chosen) link.subscribe([chosen.book, chosen.tape], interval);
});
addEventListener('hashchange', fromAddress);
addEventListener('online', () => link.now());
setInterval(() => {
  write('rate', String(arrived));
  arrived = 0;
}, 1000);
fromAddress();
follow();
