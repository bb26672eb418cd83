// What the server says over HTTP: which symbols are live, and what can be replayed.

import * as names from './names.ts';
import type { Span } from './replaybar.ts';

// offered is what there is to choose from until the server has said what it offers.
export const offered = { intervals: ['0', '100ms', '1s'], depths: ['5', '10', '20', '50', '100'], widths: ['1m', '5m', '15m', '1h', '4h', '1d'] };

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
  private archive = true; // there is one

  async look(): Promise<void> {
    const [live, held] = await Promise.all([get<{ symbols: Listed[] }>('v1/symbols'), this.archive ? get<{ logs: Log[] }>('v1/archive') : undefined]);
    if (!live) return; // it is away, which the link says
    this.archive &&= held !== null; // a node without one is not asked again
    this.symbols = live.symbols.map(({ venue, symbol }) => names.key(venue, symbol));
    const logs = (held?.logs ?? []).filter((log) => log.records > 0);
    this.venues = [...new Set([...live.symbols, ...logs].flatMap(({ venue }) => venue ?? []))];
    this.live = live.symbols.length > 0;
    if (!this.live && !(await ready())) return; // it has begun just now: what is live will be known soon
    if (held === undefined && this.archive) return; // it was away just then
    this.span = logs.length > 0 ? { from: Math.min(...logs.map((l) => l.from)), to: Math.max(...logs.map((l) => l.to)) } : undefined;
  }
}

const ready = () => fetch('readyz').then((answer) => answer.ok, () => false);

// get reads what the server says; null: there is none, undefined: the server is away.
async function get<T>(path: string): Promise<T | null | undefined> {
  try {
    const answer = await fetch(path, { headers: { accept: 'application/json' } });
    if (answer.status === 404) return null;
    return answer.ok ? ((await answer.json()) as T) : undefined;
  } catch {
    return undefined;
  }
}
