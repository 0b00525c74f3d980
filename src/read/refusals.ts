/** Content that is known and not read here: what it is, and the command that makes something readable of it. */
import { TraceError } from '../base/trace-error.ts';
import { foreignArchive } from '../file/foreign-archives.ts';
import { foreignFileOf } from './foreign-files.ts';
import type { Head } from './reader.ts';

interface Refusal {
  readonly format: string;
  /** True where the content (or, for a proprietary container, content and name together) is this. */
  matches(text: string, head: Head): boolean;
  readonly message: string;
  readonly advice: string;
}

const starts = (head: Head, ...bytes: number[]): boolean => bytes.every((byte, i) => head.bytes[i] === byte);

const NSYS_EXPORT =
  'Export it where Nsight Systems is installed: nsys export --type=sqlite --output=report.sqlite FILE, then open report.sqlite.';

const REFUSALS: readonly Refusal[] = [
  {
    format: 'git-lfs-pointer',
    matches: (text) => text.startsWith('version https://git-lfs.github.com/spec/'),
    message: 'a Git-LFS pointer: three lines of text that stand for the real file, which is not here',
    advice: 'Fetch the real file in its repository: git lfs pull --include="FILE".',
  },
  {
    format: 'nsys-report',
    // The report's container is NVIDIA's own; only its name and that it is binary tell it for certain.
    matches: (text, head) =>
      (/\.(nsys-rep|qdrep|qdstrm)(\.gz)?$/i.test(head.name) &&
        head.bytes.length > 0 &&
        !starts(head, 0x53, 0x51, 0x4c)) ||
      /^NVIDIA (Tegra|Nsight)/.test(text.slice(0, 64)),
    message: 'an Nsight Systems report in its own binary form, which only nsys can read',
    advice: NSYS_EXPORT,
  },
  {
    format: 'hdf5',
    matches: (_, head) => starts(head, 0x89, 0x48, 0x44, 0x46),
    message: 'an HDF5 file (nsys export --type=hdf?)',
    advice: NSYS_EXPORT,
  },
  {
    format: 'nsys-text',
    matches: (text) => text.startsWith('data: "'),
    message:
      'an Nsight Systems export in protobuf text (nsys export --type=text), which repeats every name in every row',
    advice: NSYS_EXPORT,
  },
  {
    format: 'arrow-file',
    matches: (_, head) => starts(head, 0x41, 0x52, 0x52, 0x4f, 0x57, 0x31),
    message:
      'an Arrow file (with a footer), which Nsight Systems does not write; its exports are Arrow streams',
    advice: 'Open what nsys export --type=arrow, arrowdir or sqlite writes.',
  },
];

/** The refusal of a file's head, or null where nothing known is in it. */
export function refusalOf(head: Head): TraceError | null {
  const text = new TextDecoder('latin1').decode(head.bytes);
  const refusal = REFUSALS.find((candidate) => candidate.matches(text, head)) ?? foreignArchive(head.bytes);
  if (refusal === null) return null;
  return new TraceError('refused', `This is ${refusal.message}.`, {
    file: head.name,
    format: refusal.format,
    offset: 0,
    advice: refusal.advice.replace('FILE', head.name),
  });
}

/** The refusal of a file of the trade that is known for certain, before any reader is asked; null: it is none. */
export function foreignRefusalOf(head: Head): TraceError | null {
  const text = new TextDecoder('latin1').decode(head.bytes);
  const foreign = foreignFileOf(text);
  if (foreign === null) return null;
  return new TraceError('refused', `This is ${foreign.message(text)}.`, {
    file: head.name,
    format: foreign.format,
    offset: 0,
    advice: foreign.advice.replace('FILE', head.name),
  });
}
