/**
 * Open files live in the page alone: leaving it loses them. While there are any, the browser asks before it leaves,
 * reloads or closes the page; with none it never does. In a page of our own Back goes through the tabs and the views that
 * were shown first: each is an entry of the history with an address of its own, and at the one before them all it is said
 * what going on does.
 *
 * In a page of somebody else, or in a frame, the history is not ours: there the browser's question is all.
 */
import type { ReactiveController, ReactiveControllerHost } from 'lit';
import { count } from '../../base/words.ts';

export interface Guarded {
  /** Files that leaving would lose, those being read included. */
  openFiles(): number;
  /** Shows a tab, if it is still there, and in it what an address tells of ('' : as it is). */
  showTab(tab: string, address: string): void;
  say(notice: string): void;
  /** Whether the page, and so its history, is ours. */
  ownsPage(): boolean;
}

const KEY = 'vramscopeTab';
const ADDRESS = 'vramscopeView';
/** Addresses that only follow a hand that moves are written when it rests: browsers refuse more. */
const REST_MS = 400;

const textIn = (state: unknown, key: string): string | null => {
  const text = typeof state === 'object' && state !== null ? (state as Record<string, unknown>)[key] : null;
  return typeof text === 'string' ? text : null;
};
const tabIn = (state: unknown): string | null => textIn(state, KEY);

export class LeaveGuard implements ReactiveController {
  private stop = new AbortController();
  /** Set while there is something to ask for: a page with this listener is not kept for Back by some browsers. */
  private question: AbortController | null = null;
  private resting = 0;

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
    window.addEventListener(
      'popstate',
      ({ state }) => this.wentTo(tabIn(state), textIn(state, ADDRESS) ?? ''),
      {
        signal: this.stop.signal,
      },
    );
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

  /** What the tab shows has another address now; `isStep`: Back leads to the one before. */
  moved(tab: string, address: string, isStep: boolean): void {
    if (!this.ownsHistory || tabIn(history.state) !== tab) return;
    clearTimeout(this.resting);
    const write = (): void => {
      // Another tab may have been chosen meanwhile.
      if (tabIn(history.state) !== tab || textIn(history.state, ADDRESS) === address) return;
      this.write(isStep ? 'pushState' : 'replaceState', tab, address);
    };
    if (isStep) write();
    else this.resting = window.setTimeout(write, REST_MS);
  }

  private get ownsHistory(): boolean {
    return this.page.ownsPage() && window.parent === window;
  }

  private wentTo(tab: string | null, address: string): void {
    clearTimeout(this.resting);
    if (tab !== null) return this.page.showTab(tab, address);
    const open = this.page.openFiles();
    if (open === 0) return;
    const files = open === 1 ? 'The file is' : `${count(open, 'file')} are`;
    this.page.say(`${files} still open. Going back once more leaves this page: the browser asks first.`);
  }

  private write(how: 'pushState' | 'replaceState', tab: string | null, address = ''): void {
    const state = tab === null ? null : { [KEY]: tab, [ADDRESS]: address };
    try {
      // A fragment alone: a page on disk may set no other address.
      if (address === '') history[how](state, '');
      else history[how](state, '', address);
    } catch {
      // Refused (too many in a short time, a sandbox): the browser's question stays.
    }
  }
}
