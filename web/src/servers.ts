// What the server says over HTTP: which symbols are live, and what can be replayed.

import * as names from './names.ts';
import type { Span } from './replaybar.ts';

// offered is what there is to choose from until the server has said what it offers.
export const offered = { intervals: ['0', '100ms', '1s'], depths: ['5', '10', '20', '50', '100'], widths: ['1m', '5m', '15m', '1h', '4h', '1d'] };

const stretch = 15_000_000; // µs of an archive, in which its symbols are looked for

interface Listed {
  venue: string;
  symbol: string;
}

interface Log {
  venue?: string;
  from: number;
  to: number;
  records: number;
}

export class Servers {
  live = false; // some symbol has had an event
  span: Span | undefined; // of what is archived
  symbols: string[] = [];
  venues: string[] = [];
  private asked = 0;
  private archive = true; // there is one

  async look(): Promise<void> {
    const [live, held] = await Promise.all([get<{ symbols: Listed[] }>('v1/symbols'), this.archive ? get<{ logs: Log[] }>('v1/archive') : undefined]);
    if (!live) return; // it is away, which the link says
    this.archive = held !== undefined; // a node without one is not asked again
    this.asked++;
    if (live.symbols.length > 0) this.symbols = live.symbols.map(({ venue, symbol }) => names.key(venue, symbol));
    const logs = (held?.logs ?? []).filter((log) => log.records > 0);
    this.venues = [...new Set([...live.symbols, ...logs].flatMap(({ venue }) => venue ?? []))];
    this.live = live.symbols.length > 0;
    if (!this.live && this.asked < 5) return; // it may have begun just now
    if (!this.live && logs.length > 0 && !this.span) this.symbols = await first(logs);
    this.span = logs.length > 0 ? { from: Math.min(...logs.map((l) => l.from)), to: Math.max(...logs.map((l) => l.to)) } : undefined;
  }
}

// An archive lists no symbols: those are found that had a ticker in its first seconds, which a replay of them tells.
async function first(logs: Log[]): Promise<string[]> {
  const venues = [...new Set(logs.flatMap(({ venue }) => venue ?? []))];
  const from = Math.min(...logs.map((log) => log.from));
  const rooms = venues.map((venue) => `ticker:${encodeURIComponent(venue)}:*`).join();
  const answer = await fetch(`v1/history?rooms=${rooms}&from=${from}&to=${from + stretch}`).catch(() => undefined);
  if (!answer?.ok) return [];
  const found = new Set<string>();
  for (const line of (await answer.text()).split('\n')) {
    const room = /"room":"ticker:([^"*]+)"/.exec(line)?.[1];
    if (room) found.add(room);
  }
  return [...found].sort();
}

async function get<T>(path: string): Promise<T | undefined> {
  try {
    const answer = await fetch(path, { headers: { accept: 'application/json' } });
    return answer.ok ? ((await answer.json()) as T) : undefined;
  } catch {
    return undefined;
  }
}
