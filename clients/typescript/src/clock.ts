// Clock compares our clock with the server's, since the two are of different machines.
export class Clock {
  offset: number | undefined; // how far the server's clock is ahead of ours, ms
  latency: number | undefined; // of the last round trip, ms
  private best = Infinity; // the round trip that told the offset
  private readonly sent = new Map<string, number>();

  constructor(private readonly now: () => number = () => performance.timeOrigin + performance.now()) {}

  asked(id: string): void {
    this.sent.set(id, this.now());
  }

  // answered takes the server's time, in µs. It is taken to be from the middle of the way, so a quick answer is believed
  // and a slow one is not; but clocks drift, and in the end a slow answer is better than an old one.
  answered(id: string, micros: number): boolean {
    const sent = this.sent.get(id);
    if (sent === undefined) return false;
    this.sent.delete(id);
    const trip = (this.latency = this.now() - sent);
    if (trip > 1.5 * this.best + 1) {
      this.best *= 1.2;
      return true;
    }
    this.best = trip;
    this.offset = micros / 1000 - (sent + trip / 2);
    return true;
  }

  forget(): void {
    this.sent.clear();
  }

  // age is how many ms ago the server's clock showed that time, in µs; undefined while that cannot be told.
  age(micros: number): number | undefined {
    return this.offset === undefined ? undefined : Math.max(0, this.now() + this.offset - micros / 1000);
  }

  // micros is the server's time now.
  micros(): number {
    return Math.round((this.now() + (this.offset ?? 0)) * 1000);
  }
}
