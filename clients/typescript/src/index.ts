import { Feed, type Options } from './feed.js';
import { Replay, type ReplayOptions } from './replay.js';

// LiveFeed is what connect returns: the live rooms, and replays of the same server.
export class LiveFeed extends Feed {
  private held = false; // a replay was asked for instead

  constructor(url: string, options: Options = {}) {
    super(url, options);
    setTimeout(() => {
      if (!this.held) this.connect();
    });
  }

  // replay is a feed of the past, on a connection of its own. Who asks for nothing else has no other.
  replay(what: ReplayOptions): Replay {
    this.held = true;
    const replay = new Replay(this.url, this.options, what);
    setTimeout(() => replay.connect());
    return replay;
  }

  override close(): void {
    this.held = true;
    super.close();
  }
}

// connect opens a feed of a server, as in connect('wss://example.com/v1/stream'). It connects by itself, and comes back by
// itself, until it is closed.
export function connect(url: string, options?: Options): LiveFeed {
  return new LiveFeed(url, options);
}

export { Feed, type FeedEvents, type Options, type Stats } from './feed.js';
export { Replay, type Moment, type ReplayOptions } from './replay.js';
export { Room, type BookOptions, type RoomEvents, type RoomOptions, type RoomState } from './room.js';
export type { Failure, RoomEvent } from './reader.js';
export type { Socket, SocketClass, State } from './link.js';
export { AuthError, ClosedError, ProtocolError, RefusedError, TapedeckError } from './errors.js';
export { compare as compareDecimals } from './decimal.js';
export { parseRoom, type RoomName } from './names.js';
export type * from './messages.js';
