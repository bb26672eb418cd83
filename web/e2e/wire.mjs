// A wire between the page and a server that a test can cut: a connection dies, and none is made until it is mended.
import { connect, createServer } from 'node:net';

export class Wire {
  constructor(port) {
    this.to = port;
    this.whole = true;
    this.ends = new Set();
    this.server = createServer((near) => this.join(near));
  }

  open() {
    return new Promise((resolve) => {
      this.server.listen(0, '127.0.0.1', () => {
        this.url = `http://127.0.0.1:${this.server.address().port}`;
        resolve(this);
      });
    });
  }

  join(near) {
    if (!this.whole) return near.destroy();
    const far = connect(this.to, '127.0.0.1');
    for (const [one, other] of [[near, far], [far, near]]) {
      this.ends.add(one);
      one.pipe(other);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        this.ends.delete(one);
        other.destroy();
      });
    }
  }

  cut() {
    this.whole = false;
    for (const end of this.ends) end.destroy();
  }

  mend() {
    this.whole = true;
  }

  close() {
    this.cut();
    return new Promise((resolve) => this.server.close(resolve));
  }
}
