/** What is measured of opening files (parts/measures.ts): to the first picture, to all read, to the diagnosis. */
import { measureNow, measurePainted } from '../parts/measures.ts';
import type { Session } from './session.ts';

const NOTHING: Readonly<Record<'picture' | 'read' | 'answer', number | null>> = {
  picture: null,
  read: null,
  answer: null,
};

export class OpenMeasures {
  /** When the files were chosen of which this is still to come. */
  private waiting = NOTHING;

  /** Files are chosen now. */
  begin(): void {
    const now = performance.now();
    this.waiting = { picture: now, read: now, answer: now };
  }

  /** Looks at what has been handed to the page. */
  look({ jobs, sources, diagnosis: { state } }: Pick<Session, 'jobs' | 'sources' | 'diagnosis'>): void {
    const { picture, read, answer } = this.waiting;
    if (picture !== null && jobs.some(({ previews }) => previews.length > 0)) {
      this.waiting = { ...this.waiting, picture: null };
      measurePainted('vramscope:first-picture', picture);
    }
    if (jobs.length > 0 || sources.length === 0) return;
    if (read !== null) {
      this.waiting = { ...this.waiting, read: null };
      measureNow('vramscope:read', read);
    }
    if (answer === null || state.running || state.diagnosis === null) return;
    this.waiting = NOTHING;
    measurePainted('vramscope:answer', answer);
  }
}
