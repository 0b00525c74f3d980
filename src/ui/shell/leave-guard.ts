/**
 * Open files live in the page alone: leaving it loses them. While there are any, the browser asks before it leaves,
 * reloads or closes the page; with none it never does. In a page of our own Back goes through the tabs that were shown
 * first: each is an entry of the history, and at the one before them all it is said what going on does.
 *
 * In a page of somebody else, or in a frame, the history is not ours: there the browser's question is all.
 */
import type { ReactiveController, ReactiveControllerHost } from 'lit';
import { count } from '../../base/words.ts';

export interface Guarded {
  /** Files that leaving would lose, those being read included. */
  openFiles(): number;
  /** Shows a tab, if it is still there. */
  showTab(tab: string): void;
  say(notice: string): void;
  /** Whether the page, and so its history, is ours. */
  ownsPage(): boolean;
}

const KEY = 'vramscopeTab';

const tabIn = (state: unknown): string | null => {
  const tab = typeof state === 'object' && state !== null ? (state as Record<string, unknown>)[KEY] : null;
  return typeof tab === 'string' ? tab : null;
};

export class LeaveGuard implements ReactiveController {
  private stop = new AbortController();
  /** Set while there is something to ask for: a page with this listener is not kept for Back by some browsers. */
  private question: AbortController | null = null;

  constructor(
    host: ReactiveControllerHost,
    private readonly page: Guarded,
  ) {
    host.addController(this);
  }

  hostConnected(): void {
    this.stop = new AbortController();
    if (!this.ownsHistory) return;
    // Of a page that was loaded again: its files are gone.
    if (tabIn(history.state) !== null) this.write('replaceState', null);
    window.addEventListener('popstate', ({ state }) => this.wentTo(tabIn(state)), {
      signal: this.stop.signal,
    });
  }

  hostDisconnected(): void {
    this.stop.abort();
    this.question?.abort();
    this.question = null;
  }

  hostUpdated(): void {
    if (this.page.openFiles() > 0) {
      if (this.question !== null) return;
      this.question = new AbortController();
      const { signal } = this.question;
      window.addEventListener('beforeunload', (event) => event.preventDefault(), { signal });
    } else {
      this.question?.abort();
      this.question = null;
    }
  }

  /** A tab is shown: an entry of its own if somebody chose it, else in place of one that is no longer there. */
  shown(tab: string, chosen: boolean): void {
    if (!this.ownsHistory) return;
    const before = tabIn(history.state);
    if (before !== tab) this.write(chosen || before === null ? 'pushState' : 'replaceState', tab);
  }

  private get ownsHistory(): boolean {
    return this.page.ownsPage() && window.parent === window;
  }

  private wentTo(tab: string | null): void {
    if (tab !== null) return this.page.showTab(tab);
    const open = this.page.openFiles();
    if (open === 0) return;
    const files = open === 1 ? 'The file is' : `${count(open, 'file')} are`;
    this.page.say(`${files} still open. Going back once more leaves this page: the browser asks first.`);
  }

  private write(how: 'pushState' | 'replaceState', tab: string | null): void {
    try {
      // Without an address: a page on disk has none that may be set.
      history[how](tab === null ? null : { [KEY]: tab }, '');
    } catch {
      // Refused (too many in a short time, a sandbox): the browser's question stays.
    }
  }
}
