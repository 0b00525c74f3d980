/** Files that the command writes: each appears when it is whole, or not at all, and never over one that is read. */
import { createHash } from 'node:crypto';
import { closeSync, openSync, realpathSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { threadId } from 'node:worker_threads';
import { TraceError } from '../base/trace-error.ts';

export const kindOf = (path: string): 'none' | 'file' | 'folder' | 'other' => {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return 'none';
  return stat.isFile() ? 'file' : stat.isDirectory() ? 'folder' : 'other';
};

/** Tells writers apart that share a folder: machines, processes and threads. Of a machine a hash: its name is nobody's business. */
const WRITER = `${createHash('sha256').update(hostname()).digest('hex').slice(0, 8)}-${process.pid}-${threadId}`;

/** Hidden, so that nothing that looks for files of a kind finds half a one. */
const partOf = (path: string): string => join(dirname(path), `.${basename(path)}.${WRITER}.part`);

/** A file that appears when it is whole, or not at all; devices and pipes are written as they are. */
export class NewFile {
  private readonly descriptor: number;
  private readonly written: string;

  constructor(private readonly path: string) {
    this.written = kindOf(path) === 'other' ? path : partOf(path);
    this.descriptor = openSync(this.written, 'w');
  }

  readonly write = (bytes: Uint8Array): void => {
    for (let at = 0; at < bytes.length;) at += writeSync(this.descriptor, bytes, at);
  };

  finish(): void {
    closeSync(this.descriptor);
    if (this.written !== this.path) renameSync(this.written, this.path);
  }

  giveUp(): void {
    closeSync(this.descriptor);
    if (this.written !== this.path) rmSync(this.written, { force: true });
  }
}

/** Throws TraceError 'refused' where a table would take the place of a file that is read. */
export function refuseInputs(path: string, inputs: readonly string[]): void {
  if (kindOf(path) !== 'file') return;
  const real = realpathSync(path);
  if (inputs.some((input) => input !== '-' && kindOf(input) === 'file' && realpathSync(input) === real))
    throw new TraceError('refused', `${path} is one of the files to read; it is left as it is.`);
}
