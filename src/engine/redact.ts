/**
 * A PyTorch snapshot without names: written anew from what is known of it (trace/snapshot-pickle.ts), so that what is not
 * named here is not in it. Folders go, hosts, users, environment, annotations and metadata with them; sizes, addresses,
 * times and the order of everything stay, and with them every figure.
 */
import { TraceError } from '../base/trace-error.ts';
import { internalOwner, isInternalFrame } from '../analyze/user-frames.ts';
import type { Setting } from '../trace/capture.ts';
import { ACTION } from '../trace/schema.ts';
import { snapshotPickle } from '../trace/snapshot-pickle.ts';
import type { Frame } from '../trace/stack-table.ts';
import type { OpenSource } from './open-source.ts';
import { damageOf } from './source-damage.ts';

export interface RedactQuery {
  /** true: functions and files of the program's own code become numbers, too. */
  readonly functions: boolean;
}

/** Folders of a compiler's cache are named after the user. */
const CACHE = /^torchinductor_.*/;

/**
 * Of a frame of PyTorch, Python or the system: as little of its path as says whose it is. Their names and files are public.
 *
 *   /home/me/venv/lib/python3.12/site-packages/torch/nn/modules/linear.py  ->  torch/nn/modules/linear.py
 */
function publicPath(frame: Frame): string {
  const parts = frame.filename.replaceAll('\\', '/').split('/');
  const owner = internalOwner(frame);
  for (let kept = 1; kept <= parts.length; kept++) {
    const filename = parts.slice(-kept).join('/');
    const shorter = { ...frame, filename };
    if (isInternalFrame(shorter) && internalOwner(shorter) === owner)
      return filename
        .split('/')
        .map((part) => (CACHE.test(part) ? 'torchinductor_x' : part))
        .join('/');
  }
  // On Windows a drive is part of what tells: nothing of such a path is kept but its last name.
  return parts[parts.length - 1];
}

/** Names for frames of the program's own code: the same for the same, another one for another. */
class Names {
  private readonly files = new Map<string, string>();
  private readonly taken = new Map<string, number>();
  private readonly functions = new Map<string, string>();
  private readonly frames = new Map<Frame, Frame>();

  constructor(private readonly hidesFunctions: boolean) {}

  readonly of = (frame: Frame): Frame => {
    let known = this.frames.get(frame);
    if (known === undefined) {
      known = isInternalFrame(frame)
        ? { ...frame, filename: publicPath(frame) }
        : { ...frame, name: this.functionOf(frame.name), filename: this.fileOf(frame.filename) };
      this.frames.set(frame, known);
    }
    return known;
  };

  private functionOf(name: string): string {
    if (!this.hidesFunctions) return name;
    const known = this.functions.get(name) ?? `f${this.functions.size + 1}`;
    this.functions.set(name, known);
    return known;
  }

  private fileOf(path: string): string {
    const known = this.files.get(path);
    if (known !== undefined) return known;
    const base = path.replaceAll('\\', '/').split('/').at(-1)!;
    const ending = /\.[A-Za-z]{1,4}$/.exec(base)?.[0] ?? '';
    // Two files of one name in two folders stay two.
    const number = (this.taken.get(base) ?? 0) + 1;
    this.taken.set(base, number);
    const name = this.hidesFunctions
      ? `file${this.files.size + 1}${ending}`
      : number === 1
        ? base
        : `${base.slice(0, base.length - ending.length)}~${number}${ending}`;
    this.files.set(path, name);
    return name;
  }
}

/** Settings of the allocator: numbers, switches, and lists of them ("max_split_size_mb:32,backend:native"). */
const PLAIN = /^[\w:.,[\]%> -]*$/;
const isPlain = ([name, value, start]: Setting): boolean =>
  start === undefined && /^[\w.]{1,64}$/.test(name) && value.length <= 512 && PLAIN.test(value);

/** Throws TraceError 'refused' for a source that is no snapshot, or of which a part could not be read. */
export function redactedSnapshot(
  { loaded }: OpenSource,
  { functions }: RedactQuery,
): Uint8Array<ArrayBuffer> {
  const { file, data, format } = loaded;
  const refuse = (why: string): TraceError =>
    new TraceError('refused', `Names cannot be taken out of ${file}: ${why}.`, { file });
  if (format !== 'torch-snapshot') throw refuse('it is no PyTorch snapshot');
  const damage = loaded.error ?? damageOf(loaded);
  if (damage !== null) throw refuse('a part of it could not be read, which its copy would not show');
  const devices = data.devices.filter(({ producer }) => producer === 'torch');
  if (devices.length === 0) throw refuse('it tells of no GPU');
  if (devices.some(({ events }) => events.action.includes(ACTION.unknown)))
    throw refuse('it holds events of kinds that are not known here');
  return snapshotPickle({
    devices,
    stacks: data.stacks,
    settings: data.settings.filter(isPlain),
    frame: new Names(functions).of,
  });
}
