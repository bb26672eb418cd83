// What the server says, as docs/protocol.md has it. Times are µs since 1970, prices and quantities exact decimals in strings.

export interface Hello {
  t: 'hello';
  v: number;
  node: string;
  conn: string;
  ts: number;
  heartbeat: number; // ms
  limits: { rooms: number; commandsPerSecond: number; frameBytes: number };
  intervals: string[];
  depths: string[];
  widths: string[];
  snapshotTrades: number;
  snapshotCandles: number;
  timeline: 'live' | 'replay';
}

export type RoomStatus = 'live' | 'quiet' | 'stale' | 'down' | 'halted';

// Grant is what a subscribe was answered with for one room.
export interface Grant {
  room: string;
  state?: RoomStatus;
  interval?: string;
  limitedBy?: string;
  origin?: 'venue' | 'derived';
  loss?: 'never' | 'fold';
  epoch?: string;
  recovered?: boolean;
  counters?: { updates: number; events: number; folded: number; snapshots: number; gaps: number };
}

export interface Ok {
  t: 'ok';
  id?: string | number;
  op: string;
  rooms?: Grant[];
  left?: number;
  ts?: number;
}

export type ErrorCode =
  | 'bad_request' | 'unknown_op' | 'too_large' | 'rate_limited' | 'unauthenticated' | 'token_expired' | 'forbidden' | 'unknown_room'
  | 'not_subscribed' | 'room_limit' | 'source_down' | 'range_unavailable' | 'replay_limit' | 'overloaded' | 'internal';

export interface Refusal {
  t: 'error';
  id?: string | number;
  code: ErrorCode | (string & {}); // later versions may have more
  message: string;
  room?: string;
  retry?: boolean;
  after?: number; // ms
}

export interface Snapshot<D = unknown> {
  t: 'snapshot';
  room: string;
  epoch: string;
  seq: number;
  ts?: number;
  vts?: number;
  partial?: boolean;
  d: D;
}

export interface Update<D = unknown> {
  t: 'update';
  room: string;
  prev: number;
  seq: number;
  n: number;
  ts: number;
  vts?: number;
  d: D;
}

// Gap says what is lost. Reason "buffer" is the client's own: a for await that was too slow for its buffer.
export interface Gap {
  t: 'gap';
  room: string;
  epoch: string;
  from: number;
  to: number;
  n?: number;
  records?: number;
  reason: 'source' | 'retention' | 'slow' | 'archive' | 'epoch' | 'buffer' | (string & {});
}

// Status is a room's, or without room a replay's.
export interface Status {
  t: 'status';
  room?: string;
  state: RoomStatus | 'playing' | 'paused' | 'end' | (string & {});
  reason?: string;
  ts?: number;
  behind?: number;
  entries?: number;
  hash?: string;
}

export interface Heartbeat {
  t: 'heartbeat';
  ts: number;
  lag: number; // ms
  rooms: { room: string; state: RoomStatus; age?: number }[];
}

export interface Bye {
  t: 'bye';
  reason: string;
  reconnect: boolean;
  after: number; // ms
}

// Link is said by a shared worker alone: how its connection is.
export interface LinkState {
  t: 'link';
  state: 'connecting' | 'open' | 'waiting' | 'closed';
  reason?: string;
}

export type Message = Hello | Ok | Refusal | Snapshot | Update | Gap | Status | Heartbeat | Bye | LinkState;

export interface Since {
  epoch: string;
  seq: number;
}

export interface Trade {
  readonly id: string;
  readonly px: string;
  readonly qty: string;
  readonly side: 'buy' | 'sell' | 'unknown'; // the taker's
  readonly ts?: number; // the venue's time
}

export interface Quote {
  readonly bid?: string;
  readonly bidQty?: string;
  readonly ask?: string;
  readonly askQty?: string;
}

export type Level = readonly [price: string, quantity: string];

export interface Book {
  readonly bids: readonly Level[]; // best first
  readonly asks: readonly Level[];
}

export interface Ticker {
  readonly last?: string;
  readonly open?: string;
  readonly high?: string;
  readonly low?: string;
  readonly volume?: string;
  readonly quoteVolume?: string;
  readonly vwap?: string;
  readonly trades?: number;
  readonly mark?: string;
  readonly index?: string;
  readonly funding?: string;
  readonly fundingTime?: number;
  readonly openInterest?: string;
}

export interface Candle {
  readonly start: number;
  readonly o: string;
  readonly h: string;
  readonly l: string;
  readonly c: string;
  readonly v: string;
  readonly n: number;
  readonly vwap?: string;
  readonly final: boolean;
  readonly rev: number;
}
