// What the parts of the page are made of. What comes from a feed becomes text, never markup; and text that
// did not change costs nothing.

export function $<T extends Element = HTMLElement>(id: string): T {
  const node = document.getElementById(id);
  if (!node) throw new Error(`the page has no #${id}`);
  return node as unknown as T;
}

export function make<K extends keyof HTMLElementTagNameMap>(tag: K, className = '', ...children: (Node | string)[]): HTMLElementTagNameMap[K] {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...children);
  return node;
}

export function set(node: Element, text: string): void {
  const only = node.firstChild;
  if (only instanceof Text && !only.nextSibling) {
    if (only.data !== text) only.data = text; // a text node that stays is no garbage
  } else if (only || text !== '') node.textContent = text;
}

export const write = (id: string, text: string) => set($(id), text);

const calm = matchMedia('(prefers-reduced-motion: reduce)');
const shortest = 200; // ms between two flashes of one node: more is flicker

// Flash lights a node up for a moment, for those who want things to move.
export class Flash {
  private running: Animation | undefined;
  private at = 0;
  constructor(private readonly node: Element) {}

  go(way: 'up' | 'down'): void {
    const now = performance.now();
    if (calm.matches || now - this.at < shortest) return;
    this.at = now;
    this.running?.cancel();
    this.running = this.node.animate([{ backgroundColor: `var(--${way}-flash)` }, { backgroundColor: 'transparent' }], { duration: 600, easing: 'ease-out' });
  }
}

// Row is a line of a list with the same cells always.
export interface Row {
  row: HTMLLIElement;
  cells: HTMLSpanElement[];
}

// fit gives a list count rows of those cells; rows that are not shown are hidden, not removed.
export function fit(list: Element, rows: Row[], count: number, cells: string[]): void {
  while (rows.length < count) {
    const parts = cells.map((name) => make('span', name));
    const row = make('li', '', ...parts);
    row.hidden = true;
    list.append(row);
    rows.push({ row, cells: parts });
  }
  for (const { row } of rows.splice(count)) row.remove();
}

// options fills a select, and keeps what is chosen where it is still offered.
export function options(select: HTMLSelectElement, offered: [value: string, text: string][], chosen: string): void {
  const want = offered.map(([value]) => value).join();
  if ([...select.options].map((o) => o.value).join() !== want) {
    select.replaceChildren(...offered.map(([value, text]) => new Option(text, value)));
  }
  select.value = chosen;
}
