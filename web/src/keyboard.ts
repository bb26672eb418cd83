// Keys. None of them is taken from somebody who is writing, or from a control that has a use for it.

export interface Acts {
  search(): void;
  toggle(): void; // play and pause
  step(): void;
  move(seconds: number): void;
  symbol(by: number): void;
  live(): void;
  copy(): void;
  theme(): void;
  help(): void;
}

const writes = (node: Element | null) => node instanceof HTMLInputElement || node instanceof HTMLSelectElement || node instanceof HTMLTextAreaElement;
const presses = (node: Element | null) => node instanceof HTMLButtonElement || node instanceof HTMLAnchorElement;

export function listen(acts: Acts): void {
  addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const at = document.activeElement;
    if (writes(at) || document.querySelector('dialog[open]')) return;
    if (event.key === ' ' && presses(at)) return; // it presses that
    const act = actOf(event, acts);
    if (!act) return;
    event.preventDefault();
    act();
  });
}

function actOf({ key, shiftKey }: KeyboardEvent, acts: Acts): (() => void) | undefined {
  switch (key) {
    case '/': return acts.search;
    case ' ': return acts.toggle;
    case 'ArrowRight': return shiftKey ? () => acts.move(10) : acts.step;
    case 'ArrowLeft': return () => acts.move(shiftKey ? -10 : -1);
    case 'ArrowDown': return () => acts.symbol(1);
    case 'ArrowUp': return () => acts.symbol(-1);
    case 'l': return acts.live;
    case 'c': return acts.copy;
    case 't': return acts.theme;
    case '?': return acts.help;
    default: return undefined;
  }
}
