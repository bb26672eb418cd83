// How a room is, in words for a person: its state, for how long it was not good, and for a while that it
// is again.

const memory = 5_000; // ms that a recovery is told

// Word is what to say: "live" needs no word, "bad" means do not trust what is shown, "mended" that it was
// bad until just now, "other" is neither.
export interface Word {
  text: string;
  kind: 'live' | 'bad' | 'mended' | 'other';
}

// World is what a test replaces: now is in ms, later returns a function that cancels.
export interface World {
  now(): number;
  later(fn: () => void, ms: number): () => void;
}

export class Health {
  private badSince: number | undefined;
  private mended = false;
  private forget = () => {};

  constructor(private readonly world: World, private readonly show: (word: Word) => void) {}

  // is takes the state that the server tells, also where it tells it again.
  is(name: string, reason?: string): void {
    const bad = name === 'stale' || name === 'down';
    if (bad) this.badSince ??= this.world.now();
    if (name === 'live' && this.badSince !== undefined) this.mend(this.badSince);
    else if (name !== 'live' || !this.mended) {
      this.say(reason ? `${name} · ${reason}` : name, bad ? 'bad' : name === 'live' ? 'live' : 'other');
    }
    if (!bad) this.badSince = undefined;
  }

  private mend(since: number): void {
    const seconds = (this.world.now() - since) / 1000;
    this.say(`recovered after ${seconds.toFixed(1)} s`, 'mended');
    this.forget = this.world.later(() => this.say('live', 'live'), memory);
  }

  // fresh forgets what was: another room is shown.
  fresh(): void {
    this.badSince = undefined;
    this.say('live', 'live');
  }

  private say(text: string, kind: Word['kind']): void {
    this.forget();
    this.forget = () => {};
    this.mended = kind === 'mended';
    this.show({ text, kind });
  }
}
