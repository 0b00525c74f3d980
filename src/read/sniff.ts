/** Which reader takes a file: all of them judge its head, the best certain one wins, and every reason is kept. */
import { TraceError } from '../base/trace-error.ts';
import type { ByteSource } from '../file/byte-source.ts';
import type { FolderReader, Head, Reader, Sniff } from './reader.ts';
import { foreignRefusalOf, refusalOf } from './refusals.ts';
import { describeText } from './unknown-text.ts';
import { looksLikeMemory } from './lines/log-pass.ts';
import { looksLikeText } from './lines/text-pass.ts';

/** A reader less sure than this does not get the file. */
const ENOUGH = 0.5;

export interface Judged extends Sniff {
  readonly reader: Reader;
}

/** Judgements, the surest first. */
export function rank(readers: readonly Reader[], head: Head): Judged[] {
  return readers.map((reader) => ({ reader, ...reader.sniff(head) })).sort((a, b) => b.score - a.score);
}

const hex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ');

/** The reader for a file. Throws TraceError 'refused' or 'unrecognised' that names what was tried and what each saw. */
export function chooseReader(readers: readonly Reader[], head: Head): Judged {
  const foreign = foreignRefusalOf(head);
  if (foreign !== null) throw foreign;
  const judged = rank(readers, head);
  const best = judged[0];
  if (best !== undefined && best.score >= ENOUGH) return best;
  const refusal = refusalOf(head);
  if (refusal !== null) throw refusal;
  // Worth a try: the head alone does not tell (a log whose first table comes late). The reader says if it was not.
  if (best !== undefined && best.score > 0) return best;
  const tried = judged.map(({ reader, reason }) => `${reader.title} (${reason})`).join('; ');
  if (looksLikeText(head.bytes)) throw unknownText(head, tried);
  const what =
    head.bytes.length === 0 ? 'The file is empty' : 'None of the formats that vramscope reads, and no text';
  throw new TraceError('unrecognised', `${what}.`, {
    file: head.name,
    offset: 0,
    tried: head.bytes.length === 0 ? tried : `It begins with ${hex(head.bytes.subarray(0, 8))}. ${tried}`,
    advice:
      'Open a PyTorch snapshot (_dump_snapshot), an Nsight Systems export (nsys export --type=sqlite), a log with memory_summary, vLLM, SGLang or nvidia-smi output, or one of the others that docs/formats.md lists.',
  });
}

function unknownText({ bytes, name, size }: Head, tried: string): TraceError {
  const text = new TextDecoder().decode(bytes);
  const lines = text.split(/\r\n|\n|\r/);
  const count = lines.at(-1) === '' ? lines.length - 1 : lines.length;
  const { message, advice } = describeText(text, count, lines.filter(looksLikeMemory), size > bytes.length);
  return new TraceError('unrecognised', message, { file: name, offset: 0, tried, advice });
}

/** Heads of so many files of a folder are looked at. */
const FOLDER_HEADS = 4;

/** The reader that takes a folder as one source, null where its files stand for themselves. */
export async function chooseFolderReader(
  readers: readonly FolderReader[],
  files: readonly ByteSource[],
): Promise<FolderReader | null> {
  const heads = new Map<string, Uint8Array>();
  for (const file of files.slice(0, FOLDER_HEADS)) {
    try {
      heads.set(file.name, await file.read(0, 64 * 1024));
    } catch (thrown) {
      // It fails by itself when its turn comes; its name alone is judged here.
      if (!(thrown instanceof TraceError) || thrown.code !== 'io') throw thrown;
    }
  }
  const names = files.map(({ name }) => name);
  const judged = readers
    .map((reader) => ({ reader, ...reader.sniff(names, heads) }))
    .sort((a, b) => b.score - a.score);
  return judged.length > 0 && judged[0].score >= ENOUGH ? judged[0].reader : null;
}
