/** Files dragged over the window: told while they are, and handed on when they are dropped. Other drags are not its matter. */
import type { ReactiveController, ReactiveControllerHost } from 'lit';
import type { Chosen } from './dropped-files.ts';
import { carriesFiles, droppedFiles } from './dropped-files.ts';

export class DropTarget implements ReactiveController {
  /** Files are over the window and not yet dropped. */
  over = false;

  private stop = new AbortController();
  private readonly host: ReactiveControllerHost;
  private readonly dropped: (chosen: Promise<Chosen>) => void;

  constructor(host: ReactiveControllerHost, dropped: (chosen: Promise<Chosen>) => void) {
    this.host = host;
    this.dropped = dropped;
    host.addController(this);
  }

  hostConnected(): void {
    this.stop = new AbortController();
    const { signal } = this.stop;
    window.addEventListener('dragover', (event) => this.dragOver(event), { signal });
    window.addEventListener('dragleave', (event) => this.dragLeave(event), { signal });
    window.addEventListener('drop', (event) => this.drop(event), { signal });
  }

  hostDisconnected(): void {
    this.stop.abort();
  }

  private show(over: boolean): void {
    if (over === this.over) return;
    this.over = over;
    this.host.requestUpdate();
  }

  private dragOver(event: DragEvent): void {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    this.show(true);
  }

  private dragLeave(event: DragEvent): void {
    // Leaving an element for another one inside the window has a relatedTarget.
    if (event.relatedTarget === null) this.show(false);
  }

  private drop(event: DragEvent): void {
    if (!carriesFiles(event) || event.dataTransfer === null) return;
    event.preventDefault();
    this.show(false);
    this.dropped(droppedFiles(event.dataTransfer));
  }
}
