import type { ErrorCode, Refusal } from './messages.js';

// TapedeckError is every error of this package; its kind is its class.
export class TapedeckError extends Error {
  override name = 'TapedeckError';
}

// RefusedError: the server refused a command, or one room of it.
export class RefusedError extends TapedeckError {
  override name = 'RefusedError';
  readonly code: ErrorCode | (string & {});
  readonly room: string | undefined;
  readonly retry: boolean; // the same may succeed later; for rooms the client sees to it
  readonly after: number | undefined; // ms

  constructor(m: Refusal) {
    super(`${m.code}: ${m.message}`);
    this.code = m.code;
    this.room = m.room;
    this.retry = m.retry ?? false;
    this.after = m.after;
  }
}

// ClosedError: the connection ended, or the feed was closed, before an answer came.
export class ClosedError extends TapedeckError {
  override name = 'ClosedError';
  constructor(readonly code: number, readonly reason: string) {
    super(reason ? `${reason} (${code})` : `closed (${code})`);
  }
}

// AuthError: the auth callback gave no token.
export class AuthError extends TapedeckError {
  override name = 'AuthError';
}

// ProtocolError: what came was not what the protocol allows.
export class ProtocolError extends TapedeckError {
  override name = 'ProtocolError';
}
