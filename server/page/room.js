// Names of rooms, and the four rules by which a client knows that it missed nothing. The rules are
// those of docs/protocol.md.

const reserved = /[:@,*%"\\<>&\x00-\x20\x7f]/g;

const escape = (symbol) =>
  symbol.replace(reserved, (c) => '%' + c.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0'));

export function roomName(channel, venue, symbol, variant) {
  return `${channel}:${venue}:${escape(symbol)}${variant ? '@' + variant : ''}`;
}

// parseRoom splits a name at its first two ":" and its last "@".
export function parseRoom(name) {
  const one = name.indexOf(':');
  const two = name.indexOf(':', one + 1);
  if (one < 0 || two < 0) return null;
  const at = name.lastIndexOf('@');
  const end = at > two ? at : name.length;
  return {
    channel: name.slice(0, one),
    venue: name.slice(one + 1, two),
    symbol: name.slice(two + 1, end).replace(/%([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16))),
    variant: at > two ? name.slice(at + 1) : '',
  };
}

// Chain is a client's position in one room.
//
//   asked    a subscribe is under way: what arrives before its answer is of an earlier one
//   joining  granted; a snapshot comes, or a gap where the room lost something since our position
//   good     every update must continue the last
//   waiting  something was lost: a snapshot comes when it can
export class Chain {
  constructor() {
    this.state = 'asked';
    this.loss = 'fold';
    this.epoch = '';
    this.seq = 0;
    this.interval = undefined;
  }

  // since is the position to resume from, or undefined where there is none or nothing is to resume.
  since() {
    return this.state === 'asked' && this.epoch !== '' ? { epoch: this.epoch, seq: this.seq } : undefined;
  }

  ask() {
    this.state = 'asked';
  }

  // granted takes this room's part of an ok to subscribe. Where nothing was asked anew it answers a
  // change of settings, which leaves the chain as it is.
  granted(room) {
    this.loss = room.loss ?? this.loss;
    this.interval = room.interval;
    if (this.state === 'asked') this.state = room.recovered ? 'good' : 'joining';
  }

  // take judges a message of the room: "replace" and "apply" say what to do with its body, "gap" that
  // something is missing, "skip" that it is of an earlier subscription, "broken" that the chain does
  // not hold and the room must be asked for again.
  take(message) {
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
      case 'gap':
        return this.lost(message);
      default:
        return 'skip';
    }
  }

  lost(gap) {
    if (this.state !== 'joining' && gap.from !== this.seq) return 'broken';
    this.seq = gap.to;
    this.epoch = gap.epoch ?? this.epoch;
    this.state = this.loss === 'never' && gap.reason !== 'epoch' ? 'good' : 'waiting';
    return 'gap';
  }
}
