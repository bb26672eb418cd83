// What is shown as a program to copy, and the list of keys.

import { $, make, write } from './dom.ts';
import { languages, snippet, type Language, type Shown } from './snippets.ts';

export class CopyAs {
  private readonly dialog = $<HTMLDialogElement>('copy-as');
  private language: Language = 'typescript';

  constructor(private readonly shown: () => Shown) {
    const tabs = this.dialog.querySelector('.tabs')!;
    for (const [language, name] of Object.entries(languages) as [Language, string][]) {
      const tab = make('button', '', name);
      tab.type = 'button';
      tab.dataset.language = language;
      tab.setAttribute('role', 'tab');
      tab.addEventListener('click', () => this.show(language));
      tabs.append(tab);
    }
    $('copy-now').addEventListener('click', () => void this.copy());
    $('copy').addEventListener('click', () => this.open());
  }

  open(): void {
    this.show(this.language);
    this.dialog.showModal();
  }

  private show(language: Language): void {
    this.language = language;
    write('snippet', snippet(language, this.shown()));
    write('copied', '');
    for (const tab of this.dialog.querySelectorAll<HTMLElement>('[role=tab]')) {
      tab.setAttribute('aria-selected', String(tab.dataset.language === language));
    }
  }

  private async copy(): Promise<void> {
    try {
      await navigator.clipboard.writeText($('snippet').textContent ?? '');
      write('copied', 'Copied');
    } catch {
      getSelection()?.selectAllChildren($('snippet')); // a page that came over plain HTTP may not: then by hand
      write('copied', 'Selected: copy it with the keyboard');
    }
  }
}

export function keys(): void {
  $<HTMLDialogElement>('keys').showModal();
}
