/** What a path on the command line stands for: a file, every file below a folder, a pipe, standard input. */
import { readdirSync, realpathSync, type Stats, statSync } from 'node:fs';
import { basename } from 'node:path';
import { naturalOrder } from '../base/natural-order.ts';
import { TraceError } from '../base/trace-error.ts';
import { type CloseableSource, NodeSource, OpenFiles, reasonOf } from './open-files.ts';
import { PipedSource } from './piped-source.ts';

export type { CloseableSource } from './open-files.ts';

/** Stands for a path that cannot be read: reading it fails with the reason. */
export class UnreadableSource implements CloseableSource {
  /** Not 0: it is not an empty file. */
  readonly size = 1;

  constructor(
    readonly name: string,
    private readonly error: TraceError,
  ) {}

  read(): Promise<Uint8Array> {
    return Promise.reject(this.error);
  }

  readSync(): Uint8Array {
    throw this.error;
  }

  close(): void {
    // Nothing was opened.
  }
}

/** Most files of a folder that are read together. */
const MOST_FILES = 1000;
/** Folders in folders. */
const DEEPEST = 64;

interface Found {
  /** Bytes: a name need not be UTF-8. */
  readonly path: Buffer;
  readonly name: string;
  /** What the system says of it; a string says why it says nothing. */
  readonly stat: Stats | string;
  /** A link to a file that is also in the folder by itself is read once. */
  readonly link: boolean;
}

const joined = (folder: Buffer, name: Buffer): Buffer => Buffer.concat([folder, Buffer.from('/'), name]);

const identity = ({ dev, ino }: Stats): string => `${dev}:${ino}`;

/** Every file below a folder in natural order, links followed, each folder once however it is reached. */
function filesBelow(root: Buffer): Found[] {
  const found: Found[] = [];
  const seen = new Set<string>();
  const visit = (folder: Buffer, name: string, depth: number): void => {
    const real = realpathSync(folder, { encoding: 'buffer' }).toString('latin1');
    if (seen.has(real)) return;
    seen.add(real);
    const entries = readdirSync(folder, { withFileTypes: true, encoding: 'buffer' });
    for (const entry of entries) {
      const path = joined(folder, entry.name);
      const own = `${name}${entry.name.toString('utf8')}`;
      if (entry.name[0] === 0x2e) continue;
      let stat: Stats;
      try {
        stat = statSync(path);
        if (stat.isDirectory()) {
          if (depth >= DEEPEST) throw new Error(`it lies more than ${DEEPEST} folders deep`);
          visit(path, `${own}/`, depth + 1);
        } else if (stat.isFile()) found.push({ path, name: own, stat, link: entry.isSymbolicLink() });
      } catch (thrown) {
        found.push({ path, name: own, stat: reasonOf(thrown), link: false });
      }
    }
  };
  visit(root, '', 0);
  const own = new Set(
    found.flatMap(({ stat, link }) => (typeof stat === 'string' || link ? [] : identity(stat))),
  );
  return found
    .filter(({ stat, link }) => !link || typeof stat === 'string' || !own.has(identity(stat)))
    .sort((one, other) => naturalOrder(one.name, other.name) || Buffer.compare(one.path, other.path));
}

function filesOfFolder(path: string): CloseableSource[] {
  const files = filesBelow(Buffer.from(path));
  if (files.length === 0 || files.length > MOST_FILES) {
    const why =
      files.length === 0 ? 'holds no files' : `holds ${files.length} files, more than ${MOST_FILES}`;
    throw new TraceError('io', `the folder ${why}`, {
      file: basename(path),
      advice:
        files.length === 0
          ? 'Name the files themselves.'
          : 'Name the files themselves, or read each by itself into a data set: vramscope facts (docs/fleet.md).',
    });
  }
  const open = new OpenFiles();
  return files.map(({ path: at, name, stat }) =>
    typeof stat === 'string'
      ? new UnreadableSource(name, new TraceError('io', `cannot read ${name}: ${stat}`, { file: name }))
      : new NodeSource(at, name, stat.size, open),
  );
}

/** Throws TraceError 'io' where the path is nothing that can be read. */
function fileAt(path: string): CloseableSource {
  const name = basename(path);
  try {
    const stat = statSync(path);
    if (stat.isFile()) {
      const source = new NodeSource(path, name, stat.size, new OpenFiles());
      source.probe();
      return source;
    }
    if (stat.isFIFO()) return PipedSource.pipe(path, name);
  } catch (thrown) {
    if (thrown instanceof TraceError) throw thrown;
    throw new TraceError('io', `cannot read ${path}: ${reasonOf(thrown)}`, { file: name, offset: 0 });
  }
  throw new TraceError('io', `${path} is no file`, {
    file: name,
    advice: 'Give the files themselves, not a folder.',
  });
}

/** One file, every file below a folder (named by its path inside), or standard input for "-". Throws TraceError 'io'. */
export function sourcesAt(path: string): {
  readonly sources: readonly CloseableSource[];
  readonly folder: boolean;
} {
  if (path === '-') return { sources: [PipedSource.standardInput()], folder: false };
  const folder = statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  return folder ? { sources: filesOfFolder(path), folder } : { sources: [fileAt(path)], folder };
}

/** The one file at a path. Throws TraceError 'io'. */
export const sourceAt = (path: string): CloseableSource =>
  path === '-' ? PipedSource.standardInput() : fileAt(path);
