import { base, Feed, type Options } from './feed.js';
import type { Status } from './messages.js';

export type Moment = string | number | Date; // RFC 3339, µs since 1970, or a Date

export interface ReplayOptions {
  from: Moment;
  to?: Moment | 'live' | '' | undefined;
  speed?: number | 'max' | string; // times the log's own pace: 0.1 to 1000
  maxgap?: string; // idle time is cut to this, as in "5s"
  session?: string; // who names the same session shares one clock
  control?: 'all'; // everybody of the session steers
}

// Replay is a feed of the past: the same rooms, and a clock that is steered. When its connection is cut it goes on where it was.
export class Replay extends Feed {
  time: number | undefined; // its present, µs
  phase: 'waiting' | 'playing' | 'paused' | 'live' | 'end' = 'waiting';
  private paused = false;
  private sought = false; // what the rooms had is of another time
  private rate: number | 'max' | string;

  constructor(url: string, options: Options, private readonly what: ReplayOptions) {
    super(url, { ...options, shared: false });
    this.rate = what.speed ?? 1;
  }

  play(): Promise<void> {
    this.paused = false;
    return this.steer('resume');
  }

  // resume is the protocol's word for play.
  resume(): Promise<void> {
    return this.play();
  }

  pause(): Promise<void> {
    this.paused = true;
    return this.steer('pause');
  }

  // speed changes the pace from now on.
  speed(speed: number | 'max' | string): Promise<void> {
    this.rate = speed;
    return this.steer('speed', { speed });
  }

  // seek goes to a moment, or to "live" where the replay has to: "live"; every room gives its snapshot of then.
  async seek(to: Moment | 'live'): Promise<void> {
    if (to !== 'live') this.time = micros(to);
    this.sought = true;
    if (this.link.state === 'closed') this.link.now();
    const here = this.link.state === 'open';
    await this.steer('seek', { to: to === 'live' ? to : wire(to) });
    if (here) this.sought = false;
  }

  // step pauses, and plays exactly so many records.
  step(records = 1): Promise<void> {
    this.paused = true;
    return this.steer('step', { records });
  }

  // steer sends a command. While there is no connection it is done: the next one is opened as was wished.
  private async steer(op: string, fields: object = {}): Promise<void> {
    if (this.link.state === 'open') await this.request(op, fields);
  }

  protected override address(): string {
    const url = new URL('v1/replay', base(this.url));
    const { from, to, maxgap, session, control } = this.what;
    const query = { from: wire(this.time ?? from), to: to && wire(to), speed: String(this.rate), maxgap, session, control };
    for (const [key, value] of Object.entries(query)) if (value) url.searchParams.set(key, value);
    return url.href;
  }

  protected override opening(): object[] {
    if (this.sought) this.forget();
    this.sought = false;
    return this.paused ? [{ op: 'pause' }] : [];
  }

  protected override present(ts: number): void {
    if (!this.sought && ts > (this.time ?? 0)) this.time = ts;
  }

  protected override timeline(status: Status): void {
    if (status.ts !== undefined) this.time = status.ts;
    if (['playing', 'paused', 'live', 'end'].includes(status.state)) this.phase = status.state as Replay['phase'];
  }
}

function micros(moment: Moment): number {
  if (typeof moment === 'number') return moment;
  if (typeof moment === 'string' && /^\d+$/.test(moment)) return Number(moment);
  return new Date(moment).getTime() * 1000;
}

// wire writes a moment as the server reads it: what is text already is left as it is.
function wire(moment: Moment): string {
  return moment instanceof Date ? moment.toISOString() : String(moment);
}
