import type { Socket } from './link.js';

export interface Port {
  onmessage: ((event: any) => void) | null;
  postMessage(message: unknown): void;
  start?(): void;
  close(): void;
}

export type SharedWorkerClass = new (url: string | URL, options?: { name?: string; type?: 'module' | 'classic' }) => { port: Port; onerror?: unknown };

// ToWorker and FromWorker are what a tab and the worker say to each other: frames in both directions, as objects.
export type ToWorker = { open: string; options: Record<string, unknown>; auth: boolean } | { send: unknown } | { token: string | undefined } | { close: true };
export type FromWorker = { frame: unknown[] } | { auth: true } | { end: { code: number; reason: string } };

// PortSocket is a tab's end of the socket that a SharedWorker keeps for all tabs. To the feed it is a socket as any other: the
// worker answers commands and gives snapshots as the server does.
export class PortSocket implements Socket {
  binaryType = '';
  readonly objects = true;
  onopen: ((event: any) => void) | null = null;
  onmessage: ((event: any) => void) | null = null;
  onclose: ((event: any) => void) | null = null;
  onerror: ((event: any) => void) | null = null;
  private readonly leave = () => this.close();

  // open connects to the worker of that address: one for each.
  static open(Worker: SharedWorkerClass, shared: true | string | URL, address: string, options: object): PortSocket {
    const name = `tapedeck ${address}`;
    const { auth, token, encoding, backoff } = options as { auth?: () => Promise<string>; token?: string; encoding?: string; backoff?: object };
    const worker =
      shared === true
        ? new Worker(new URL('./shared-worker.js', import.meta.url), { type: 'module', name })
        : new Worker(shared, { type: 'module', name });
    return new PortSocket(worker.port, address, { token, encoding, backoff }, auth);
  }

  constructor(private readonly port: Port, address: string, options: Record<string, unknown>, auth?: () => Promise<string>) {
    port.onmessage = (event: { data: FromWorker }) => {
      const { data } = event;
      if ('frame' in data) this.onmessage?.({ data: data.frame });
      else if ('end' in data) this.onclose?.(data.end);
      else void this.authenticate(auth);
    };
    port.start?.();
    this.post({ open: address, options, auth: auth !== undefined });
    if (typeof addEventListener === 'function') addEventListener('pagehide', this.leave);
    queueMicrotask(() => this.onopen?.({}));
  }

  send(data: string | Uint8Array): void {
    this.post({ send: JSON.parse(String(data)) });
  }

  close(): void {
    this.post({ close: true });
    if (typeof removeEventListener === 'function') removeEventListener('pagehide', this.leave);
    this.port.onmessage = null;
    this.port.close();
  }

  private async authenticate(auth?: () => Promise<string>): Promise<void> {
    const token = await auth?.().catch(() => undefined);
    this.post({ token });
  }

  private post(message: ToWorker): void {
    this.port.postMessage(message);
  }
}
