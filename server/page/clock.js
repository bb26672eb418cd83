// How old a message is when it arrives: our clock is compared with the server's, since the two are of
// different machines.

export class Clock {
  // now returns our own time in ms.
  constructor(now = () => performance.timeOrigin + performance.now()) {
    this.now = now;
    this.ahead = null; // how far the server's clock is ahead of ours, ms; null: not known yet
    this.trip = Infinity; // of the question that told it
  }

  // asked is called when the server is asked for its time, answered when it says it, in µs. The answer is
  // taken to be from the middle of the way, so a quick one is believed and a slow one is not.
  asked() {
    this.sent = this.now();
  }

  answered(micros) {
    const trip = this.now() - this.sent;
    if (trip > 1.5 * this.trip + 1) {
      this.trip *= 1.2; // clocks drift: in the end a slow answer is better than an old one
      return;
    }
    this.trip = trip;
    this.ahead = micros / 1000 - (this.sent + trip / 2);
  }

  // age is how many ms ago the server's clock showed that time; null while that cannot be told.
  age(micros) {
    return this.ahead === null ? null : Math.max(0, this.now() + this.ahead - micros / 1000);
  }
}

// median of a list that may be sorted; null of an empty one.
export function median(list) {
  return list.length === 0 ? null : list.sort((a, b) => a - b)[list.length >> 1];
}
