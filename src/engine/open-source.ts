/** One open source: what was read, and a session for each of its devices. */
import type { DeviceSession } from './device-session.ts';
import type { LoadedSource } from './load-source.ts';

export interface OpenSource {
  /** Stands for the source on the border. */
  readonly id: number;
  /** Of the work that read it. Work is numbered in the order in which files are given. */
  readonly job: number;
  readonly loaded: LoadedSource;
  /** By device; one whose GPU failed is put in another's place. */
  readonly sessions: DeviceSession[];
}
