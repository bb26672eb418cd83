// What is shown, as a program that reads the same.

export interface Shown {
  origin: string; // of the server, http or https
  symbol: string; // VENUE:SYMBOL as in the names of rooms
  interval: string;
  depth: string;
  width: string;
  from: string; // '': live
  to: string;
  speed: string;
}

export const languages = { typescript: 'TypeScript', python: 'Python', wscat: 'wscat' };
export type Language = keyof typeof languages;

export const roomsOf = ({ symbol, depth, width }: Shown) => [`trades:${symbol}`, `book:${symbol}@${depth}`, `candles:${symbol}@${width}`];

// stream is the address of the socket that the page reads.
export function stream(shown: Shown): string {
  const query = [`rooms=${roomsOf(shown).map(word).join(',')}`, `interval=${shown.interval}`];
  if (shown.from) query.unshift(`from=${word(shown.from)}`, ...(shown.to ? [`to=${word(shown.to)}`] : []), `speed=${shown.speed}`);
  return `${socket(shown)}${shown.from ? '/v1/replay' : '/v1/stream'}?${query.join('&')}`;
}

const socket = (shown: Shown) => shown.origin.replace(/^http/, 'ws');

// word is a part of a query: the signs that rooms and times are made of are left as they are, to be read.
const word = (text: string) => encodeURIComponent(text).replace(/%(3A|40|2C)/g, decodeURIComponent);

// literal is a string of JavaScript and of Python alike.
const literal = (text: string) => JSON.stringify(text).replace(/[\u007f-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);

// quoted is a word of a shell.
const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

export function snippet(language: Language, shown: Shown): string {
  return { typescript, python, wscat }[language](shown);
}

function typescript(shown: Shown): string {
  const { symbol, interval, depth, from, to, speed } = shown;
  const replay = [`from: ${literal(from)}`, ...(to ? [`to: ${literal(to)}`] : []), `speed: ${speed === 'max' ? literal(speed) : speed}`];
  return `import { connect } from '@tapedeck/client'

const feed = connect(${literal(`${socket(shown)}/v1/stream`)})${from ? `.replay({ ${replay.join(', ')} })` : ''}
const book = feed.book(${literal(symbol)}, { depth: ${depth}, interval: ${literal(interval)} })
book.on('change', () => console.log(book.value?.bids[0], book.value?.asks[0]))

for await (const event of feed.trades(${literal(symbol)})) console.log(event)
`;
}

function python(shown: Shown): string {
  return `import asyncio, json
import websockets  # pip install websockets

async def main():
    async with websockets.connect(${literal(stream(shown))}) as ws:
        async for frame in ws:
            for m in json.loads(frame):
                print(m["t"], m.get("room", ""), m.get("d", ""))

asyncio.run(main())
`;
}

function wscat(shown: Shown): string {
  return `npx wscat -c ${quoted(stream(shown))}\n`;
}
