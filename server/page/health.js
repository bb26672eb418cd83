// How a room is, in words for a person: its state, for how long it was not good, and for a while that it
// is again.

const memory = 5_000; // ms that a recovery is told

export class Health {
  // world holds what a test replaces: now() in ms, later(fn, ms) which returns a function that cancels.
  // show is called with {text, kind}: "live" needs no word, "bad" means do not trust what is shown,
  // "mended" that it was bad until just now, "other" is neither.
  constructor(world, show) {
    this.world = world;
    this.show = show;
    this.badSince = null;
    this.forget = () => {};
  }

  // is takes the state that the server tells, also where it tells it again.
  is(name, reason) {
    const bad = name === 'stale' || name === 'down';
    if (bad) this.badSince ??= this.world.now();
    if (name === 'live' && this.badSince !== null) this.mend();
    else if (name !== 'live' || !this.mended) this.say(reason ? `${name} · ${reason}` : name, bad ? 'bad' : name === 'live' ? 'live' : 'other');
    if (!bad) this.badSince = null;
  }

  mend() {
    const seconds = (this.world.now() - this.badSince) / 1000;
    this.say(`recovered after ${seconds.toFixed(1)} s`, 'mended');
    this.forget = this.world.later(() => this.say('live', 'live'), memory);
  }

  // fresh forgets what was: another room is shown.
  fresh() {
    this.badSince = null;
    this.say('live', 'live');
  }

  say(text, kind) {
    this.forget();
    this.forget = () => {};
    this.mended = kind === 'mended';
    this.show({ text, kind });
  }
}
