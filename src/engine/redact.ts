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

/** Folders that say whose a file is and have more in their names: the cache of a compiler is named after the user. */
const NAMED: readonly (readonly [RegExp, string])[] = [
  [/^torchinductor_.*/, 'torchinductor_x'],
  [/^glibc.*/, 'glibc'],
  [/^<attrs .*/, '<attrs >'],
];
const plainPart = (part: string): string =>
  NAMED.reduce((text, [pattern, instead]) => text.replace(pattern, instead), part);
/** What a path in a name ends at. */
const WORD = /[^\s'"(),<>[\]{}]+/g;
const isSlash = (character: string): boolean => character === '/' || character === '\\';

/** A name without the folders of paths in it: compilers write that of its file into the name of a lambda. */
const withoutFolders = (name: string): string =>
  name.replace(WORD, (word) => {
    let end = word.length;
    while (end > 0 && isSlash(word[end - 1])) end--;
    let from = end;
    while (from > 0 && !isSlash(word[from - 1])) from--;
    return end === 0 ? word : word.slice(from);
  });
const LAMBDA_PLACE = /\b(lambda|unnamed[\w ]*|anonymous[\w ]*) at [^\s'"()<>]+/g;

/**
 * Of a frame of PyTorch, Python or the system: as little of its path as says whose it is. Folders below it stay where they
 * are those of an installed package, which everybody has; anybody may have a folder "python3" or "torch/nn".
 *
 *   /home/me/venv/lib/python3.12/site-packages/torch/nn/modules/linear.py  ->  torch/nn/modules/linear.py
 *   /home/me/python3/secret/model.py                                       ->  python3/model.py
 */
function publicPath(frame: Frame): string {
  const parts = frame.filename.replaceAll('\\', '/').split('/');
  const base = parts[parts.length - 1];
  const owner = internalOwner(frame);
  const isTheSame = (filename: string): boolean => {
    const shorter = { ...frame, filename };
    return isInternalFrame(shorter) && internalOwner(shorter) === owner;
  };
  const from = parts.findLastIndex((_part, at) => isTheSame(parts.slice(at).join('/')));
  // On Windows a drive is part of what tells: nothing of such a path is kept but its last name.
  if (from <= 0 && /^[A-Za-z]:$/.test(parts[0])) return plainPart(base);
  const kept = parts.slice(Math.max(0, from));
  const isInstalled = /^(?:site|dist)-packages$/;
  if (owner === 'pytorch' || owner === 'carriers')
    if (isInstalled.test(kept[0]) || (from > 0 && isInstalled.test(parts[from - 1])))
      return kept.map(plainPart).join('/');
  const short = [base, `${plainPart(kept[0])}/${base}`, `torch/nn/${base}`].map((path) =>
    path.split('/').map(plainPart).join('/'),
  );
  return short.find(isTheSame) ?? plainPart(base);
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
        ? { ...frame, name: this.internalName(frame), filename: publicPath(frame) }
        : { ...frame, name: this.functionOf(frame.name), filename: this.fileOf(frame.filename) };
      this.frames.set(frame, known);
    }
    return known;
  };

  /** Of compiled code without a file only names of PyTorch, the libraries and the interpreter are public. */
  private internalName(frame: Frame): string {
    const { name, filename } = frame;
    if (!this.hidesFunctions) return withoutFolders(name);
    const hasFile = filename !== '' && filename !== '??';
    const isPublic = name === '' || hasFile || isInternalFrame({ name, filename: 'x.cpp', line: 1 });
    return isPublic ? withoutFolders(name.replace(LAMBDA_PLACE, '$1')) : this.functionOf(name);
  }

  private functionOf(name: string): string {
    if (!this.hidesFunctions) return withoutFolders(name);
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

/** Settings that PyTorch writes. Of others nobody knows what their values are. */
const SETTINGS: ReadonlySet<string> = new Set([
  'PYTORCH_CUDA_ALLOC_CONF',
  'PYTORCH_HIP_ALLOC_CONF',
  'PYTORCH_ALLOC_CONF',
  'max_split_size',
  'garbage_collection_threshold',
  'expandable_segments',
  'pinned_num_register_threads',
  'pinned_reserve_segment_size_mb',
  'release_lock_on_cudamalloc',
  'pinned_use_cuda_host_register',
  'pinned_use_background_threads',
  'graph_capture_record_stream_reuse',
  'roundup_power2_divisions',
  'max_non_split_rounding_size',
  'max_round_threshold',
  'max_cached_size',
  'trace_alloc_max_entries',
  'trace_alloc_overflowed',
]);
/** Numbers, switches, and lists of sizes ("256:1,512:2"). */
const FIGURES = /^(?:[\d.,:>\s-]*|true|false|off)$/i;
/** The options of PYTORCH_ALLOC_CONF, one by one. */
const OPTION =
  /^(?:(?:max_split_size_mb|max_non_split_rounding_mb|garbage_collection_threshold|expandable_segments|roundup_power2_divisions|pinned_num_register_threads|pinned_reserve_segment_size_mb|pinned_use_cuda_host_register|pinned_use_background_threads|release_lock_on_cudamalloc|release_lock_on_hipmalloc|graph_capture_record_stream_reuse):(?:true|false|[\d.]{1,20}|\[[\d:,>.]{1,200}\])|backend:(?:native|cudaMallocAsync))(?:,|$)/i;

function isOptions(text: string): boolean {
  let rest = text.replaceAll(' ', '');
  while (rest !== '') {
    const option = OPTION.exec(rest)?.[0];
    if (option === undefined) return false;
    rest = rest.slice(option.length);
  }
  return true;
}

const isPlain = ([name, value, start]: Setting): boolean =>
  start === undefined &&
  SETTINGS.has(name) &&
  value.length <= 512 &&
  (FIGURES.test(value) || isOptions(value));

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
