/**
 * HTML pages of `torch.cuda._memory_viz` (trace_plot, segment_plot, profile_plot): a module script with
 * `const local_files = [{"name": "snapshot.pickle", "base64": "..."}]` and `add_local_files(local_files, ...)`.
 * That list alone, as JSON, is read like a page. Every snapshot in the page is decoded as it streams by and read as a snapshot; a page is never one string.
 *
 * Written by: pytorch torch/cuda/_memory_viz.py `_format_viz`.
 * Not read: pages that fetch their snapshot (add_remote_files) and export_memory_timeline's ".html", which is a
 * picture; both are refused with what to open instead.
 */
import { TraceError } from '../../base/trace-error.ts';
import { Base64Decoder } from '../../file/base64.ts';
import type { SourceData } from '../../trace/capture.ts';
import { sourceData } from '../../trace/source-data.ts';
import type { AlsoRead, Head, Reader, ReaderContext, ReaderInput, ReadOutcome, Sniff } from '../reader.ts';
import { torchSnapshotReader } from './torch-snapshot.ts';

const TITLE = 'PyTorch memory_viz page';
const QUOTE = 0x22;
/** How much text is looked at together for the next key, and the longest name that is kept. */
const WINDOW = 4096;

const latin1 = (bytes: Uint8Array): string => new TextDecoder('latin1').decode(bytes);

const isTimelinePicture = (text: string): boolean =>
  /<title>GPU Memory Timeline HTML<\/title>/.test(text) && text.includes('data:image/png;base64,');

function sniff(head: Head): Sniff {
  const text = latin1(head.bytes);
  // The page's own list, saved alone: [{"name": "snapshot.pickle", "base64": "gAR9..."}].
  if (/^\s*\[\s*\{\s*"name"\s*:\s*"[^"]{0,200}"\s*,\s*"base64"\s*:\s*"/.test(text.slice(0, 512)))
    return { score: 0.9, reason: 'JSON with a snapshot in base64, as memory_viz writes into its pages' };
  if (!/^(\xef\xbb\xbf)?\s*<(!doctype|html|head|body|script|!--)/i.test(text.slice(0, 512)))
    return { score: 0, reason: 'does not begin like an HTML page' };
  if (isTimelinePicture(text))
    return { score: 0.95, reason: 'the page of export_memory_timeline, which holds a picture' };
  if (/add_(local|remote)_files/.test(text) && /MemoryViz\.js|"base64"|local_files/.test(text))
    return { score: 0.95, reason: 'an HTML page that calls memory_viz' };
  return { score: 0, reason: 'an HTML page without a snapshot of memory_viz' };
}

const refused = (message: string, advice: string): TraceError =>
  new TraceError('refused', message, { format: 'torch-snapshot', offset: 0, advice });

const picturePage = (): TraceError =>
  refused(
    'the page that export_memory_timeline writes as ".html": it holds a picture of the curve and not its numbers.',
    'Export the numbers: prof.export_memory_timeline("timeline.raw.json.gz", device="cuda:0"), or "timeline.json".',
  );
const remotePage = (): TraceError =>
  refused(
    'a memory_viz page that fetches its snapshot from elsewhere; the page itself holds none.',
    'Open the snapshot that the page names: the .pickle file itself.',
  );
const emptyPage = (): TraceError =>
  refused(
    'an HTML page without an embedded snapshot.',
    'Open the snapshot itself (torch.cuda.memory._dump_snapshot("snapshot.pickle")), or a page made by python torch/cuda/_memory_viz.py trace_plot snapshot.pickle.',
  );

/** Walks a page: text up to the next embedded snapshot, then that snapshot's bytes, and so on. */
class Page {
  /** Name in front of the snapshot that `next` found. */
  name = '';
  /** Offset of its first base64 character. */
  offset = 0;
  /** What is known of a page without a snapshot. */
  picture = false;
  remote = false;
  error: TraceError | null = null;
  private readonly iterator: AsyncIterator<Uint8Array>;
  private chunk: Uint8Array = new Uint8Array(0);
  private at = 0;
  /** Offset of `chunk` in the page. */
  private start = 0;
  private ended = false;
  /** The last text before `at`, so that a key is found across a border between chunks. */
  private tail = '';

  constructor(input: ReaderInput) {
    this.iterator = input.chunks()[Symbol.asyncIterator]();
  }

  private async more(): Promise<boolean> {
    if (this.at < this.chunk.length) return true;
    while (!this.ended) {
      const next = await this.iterator.next();
      if (next.done === true) {
        this.ended = true;
        break;
      }
      this.start += this.chunk.length;
      this.chunk = next.value;
      this.at = 0;
      if (this.chunk.length > 0) return true;
    }
    return false;
  }

  /** Goes to the next embedded snapshot. false: the page has no further one. */
  async next(): Promise<boolean> {
    while (await this.more()) {
      const fresh = this.chunk.subarray(this.at, this.at + WINDOW);
      const before = this.tail.length;
      const text = this.tail + latin1(fresh);
      this.picture ||= isTimelinePicture(text);
      this.remote ||= text.includes('add_remote_files');
      const key = /["']?\bbase64["']?\s*:\s*"/.exec(text);
      if (key !== null) {
        this.at += key.index + key[0].length - before;
        this.offset = this.start + this.at;
        this.name = /^.*"name"\s*:\s*"([^"\\]{1,200})"/s.exec(text.slice(0, key.index))?.[1] ?? '';
        this.tail = '';
        return true;
      }
      this.at += fresh.length;
      this.tail = text.slice(-WINDOW);
    }
    return false;
  }

  /** Decoded bytes up to the closing quote; sets `error` and ends where the text is no base64 or breaks off. */
  async *bytes(): AsyncGenerator<Uint8Array> {
    const decoder = new Base64Decoder();
    while (await this.more()) {
      const quote = this.chunk.indexOf(QUOTE, this.at);
      const end = quote < 0 ? this.chunk.length : quote;
      const { bytes, invalidAt } = decoder.push(this.chunk, this.at, end);
      this.at = invalidAt < 0 ? end : invalidAt;
      if (bytes.length > 0) yield bytes;
      if (invalidAt >= 0) {
        this.error = this.damaged('corrupt', 'the embedded snapshot is no base64 here');
        return;
      }
      if (quote >= 0) {
        this.at = quote + 1;
        const rest = decoder.end();
        if (rest.length > 0) yield rest;
        return;
      }
    }
    this.error = this.damaged('truncated', 'the page ends in the middle of its embedded snapshot');
  }

  /** Lets go of the file. */
  async finish(): Promise<void> {
    await this.iterator.return?.();
  }

  private damaged(code: 'corrupt' | 'truncated', message: string): TraceError {
    return new TraceError(code, message, {
      format: 'torch-snapshot',
      offset: this.start + this.at,
      advice: 'Save the page again, or open the snapshot that it was made of.',
    });
  }
}

/** What the page knows of a snapshot beside its own words. */
function withPage(data: SourceData): SourceData {
  const ofProfiler = data.warnings.some(({ message }) => message.startsWith('key "category"'));
  if (!ofProfiler) return data;
  return {
    ...data,
    notRecorded: [
      ...data.notRecorded,
      'The page looks like profile_plot’s: made from the profiler’s tensors, not from the allocator. Its last device is the CPU.',
    ],
  };
}

async function read(input: ReaderInput, context: ReaderContext): Promise<ReadOutcome> {
  const page = new Page(input);
  const found: AlsoRead[] = [];
  let error: TraceError | null = null;
  try {
    while (await page.next()) {
      const { offset, name } = page;
      const outcome = await torchSnapshotReader.read(
        { name: input.name, storedBytes: input.storedBytes, chunks: () => page.bytes(), source: null },
        context,
      );
      // The page's own words name the place in the page; the snapshot's, a byte of the snapshot.
      const failure = page.error ?? outcome.error;
      page.error = null;
      const title =
        found.length === 0 && name === 'snapshot.pickle'
          ? `${torchSnapshotReader.title} in a page`
          : `${torchSnapshotReader.title} in a page: ${name === '' ? `the one at byte ${offset}` : name}`;
      found.push({ format: 'torch-snapshot', title, data: withPage(outcome.data) });
      error ??= failure;
    }
  } catch (thrown) {
    if (!(thrown instanceof TraceError) || thrown.code === 'cancelled') throw thrown;
    error ??= thrown;
  } finally {
    await page.finish();
  }
  const [first, ...also] = found;
  if (first === undefined)
    return {
      data: sourceData({ producer: 'torch.cuda._memory_viz' }),
      error: error ?? (page.picture ? picturePage() : page.remote ? remotePage() : emptyPage()),
    };
  return { data: first.data, error, as: { format: first.format, title: first.title }, also };
}

export const memoryVizHtmlReader: Reader = { format: 'torch-snapshot', title: TITLE, sniff, read };
