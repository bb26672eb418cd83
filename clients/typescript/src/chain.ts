import type { Gap, Grant, Since, Snapshot, Update } from './messages.js';

export type Verdict = 'replace' | 'apply' | 'gap' | 'skip' | 'broken';

// Chain is a client's position in one room, and the four rules by which it knows that it missed nothing.
//
//   asked    a subscribe is under way: what arrives before its answer is of an earlier one
//   joining  granted; a snapshot comes, or a gap where the room lost something since our position
//   good     every update must continue the last
//   waiting  something was lost: a snapshot comes when it can
export class Chain {
  state: 'asked' | 'joining' | 'good' | 'waiting' = 'asked';
  loss: 'never' | 'fold' = 'fold';
  epoch = '';
  seq = 0;
  private command: string | undefined; // the one whose answer is waited for

  // since is the position to resume from, or undefined where there is none, or nothing is to be resumed.
  get since(): Since | undefined {
    return this.state === 'asked' && this.epoch !== '' ? { epoch: this.epoch, seq: this.seq } : undefined;
  }

  // idle: it is to be asked for, and no command has done so yet. Another subscribe meanwhile is a change of settings, which
  // brings no second snapshot.
  get idle(): boolean {
    return this.state === 'asked' && this.command === undefined;
  }

  // refused gives up what a command asked.
  refused(command: string): void {
    if (this.command === command) this.command = undefined;
  }

  // ask begins anew, by a command of that id.
  ask(command: string | undefined): void {
    this.state = 'asked';
    this.command = command;
  }

  // granted takes this room's part of an ok. An answer to another command than the one that asked anew is of a change of
  // settings, which leaves the chain as it is.
  granted(grant: Grant, command: string | undefined): void {
    this.loss = grant.loss ?? this.loss;
    if (this.state !== 'asked' || command !== this.command) return;
    this.state = grant.recovered ? 'good' : 'joining';
    this.command = undefined;
  }

  // take judges a message: what to do with its body, or "gap" where something is missing, "skip" where it is of an earlier
  // subscription, "broken" where the chain does not hold and the room must be asked for again.
  take(message: Snapshot | Update | Gap): Verdict {
    if (this.state === 'asked') return 'skip';
    switch (message.t) {
      case 'snapshot':
        this.epoch = message.epoch;
        this.seq = message.seq;
        this.state = 'good';
        return 'replace';
      case 'update':
        if (this.state !== 'good' || message.prev !== this.seq) return 'broken';
        this.seq = message.seq;
        return 'apply';
      default:
        return this.lost(message);
    }
  }

  private lost(gap: Gap): Verdict {
    if (this.state !== 'joining' && gap.from !== this.seq) return 'broken';
    this.seq = gap.to;
    this.epoch = gap.epoch ?? this.epoch;
    this.state = this.loss === 'never' && gap.reason !== 'epoch' ? 'good' : 'waiting';
    return 'gap';
  }
}
