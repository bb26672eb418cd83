// Painter draws what changed once per frame of the screen, however many changes there were.

export class Painter<Part extends string> {
  private changed = new Set<Part>();
  private spare = new Set<Part>();
  private asked = false;

  constructor(private readonly draw: (parts: ReadonlySet<Part>) => void) {}

  mark(part: Part): void {
    this.changed.add(part);
    if (this.asked) return;
    this.asked = true;
    requestAnimationFrame(() => this.frame());
  }

  private frame(): void {
    this.asked = false;
    [this.changed, this.spare] = [this.spare, this.changed];
    this.draw(this.spare);
    this.spare.clear();
  }
}
