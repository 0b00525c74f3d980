/**
 * PyTorch allocator snapshots as JSON: json.dump(torch.cuda.memory._snapshot(), file), a list of segments
 * (torch.cuda.memory_snapshot()), and either inside of an object of someone's own. Read piece by piece into the decoder
 * of pickles (json-pickle.ts), so that both give the same columns.
 *
 * Not read: further texts behind the snapshot in the same file.
 */
import { TraceError } from '../../base/trace-error.ts';
import { BROKEN, OPEN_ARRAY, OPEN_OBJECT, skipValue } from '../../file/json-bytes.ts';
import { JsonCursor } from '../../file/json-tokens.ts';
import { headText } from '../lines/json-pass.ts';
import type { Head, Reader, ReaderContext, ReaderInput, ReadOutcome, Sniff } from '../reader.ts';
import { JsonPickle } from './json-pickle.ts';
import { readSnapshot } from './torch-snapshot.ts';

const TITLE = 'PyTorch allocator snapshot as JSON';
/** The decoder gets the pickle in pieces of about this size. */
const PIECE = 1 << 18;
/** An event with a stack takes about as many times the bytes of one in a pickle. */
const WIDER = 4;
/** Objects around a snapshot, and what is looked at to know one. */
const MOST_AROUND = 8;
const AHEAD = 64;

const SEGMENT = /"(?:total_size|segment_type|allocated_size)"\s*:/;
const EVENT = /"action"\s*:\s*"(?:alloc|free|segment|oom|snapshot)/;

function sniff(head: Head): Sniff {
  const text = headText(head);
  if (!/^\s*[[{]/.test(text)) return { score: 0, reason: 'does not begin like JSON' };
  const holds = SEGMENT.test(text) || EVENT.test(text) || /"segments"\s*:\s*\[\s*\]/.test(text);
  if (holds && /"(?:segments|device_traces)"\s*:\s*\[/.test(text))
    return { score: 0.95, reason: 'JSON with the keys of a snapshot' };
  if (/^\s*\[\s*\{/.test(text) && SEGMENT.test(text) && /"blocks"\s*:\s*\[/.test(text))
    return { score: 0.9, reason: 'JSON: a list of segments with their blocks' };
  return { score: 0, reason: 'JSON without the keys of a snapshot' };
}

/** Walks the outer levels of a snapshot; rows are taken whole, in one loop. */
class Walk {
  private readonly pickle = new JsonPickle();
  private readonly json: JsonCursor;

  constructor(
    input: ReaderInput,
    context: ReaderContext,
    private readonly feed: (bytes: Uint8Array) => void,
  ) {
    this.json = new JsonCursor(input.chunks(), {
      breathe: () => {
        context.progress('decoding JSON', 0);
        return context.breathe();
      },
    });
  }

  async all(): Promise<TraceError | null> {
    const { json, pickle } = this;
    try {
      await json.skipMark();
      pickle.start();
      await this.value('', 0);
      if (!json.isCut) {
        pickle.stop();
        this.hand();
        const rest = await json.peek();
        if (rest !== -1)
          throw new TraceError(
            'corrupt',
            'Something follows the snapshot in this file, which was not read.',
            {
              offset: json.offset,
              advice: 'One snapshot a file: save each as a file of its own.',
            },
          );
      }
      this.hand();
      if (json.inputError !== null) return json.inputError;
      return json.isCut
        ? new TraceError('truncated', 'the file ends before its JSON does', {
            offset: json.offset,
            advice: 'Copy the file again, or record it again: it ends before its data does.',
          })
        : null;
    } finally {
      this.hand();
      await json.close();
    }
  }

  /** Gives the decoder what was written. Its own errors name a byte of the pickle: here, one of the file. */
  private hand(): void {
    this.pickle.flush((bytes) => {
      try {
        this.feed(bytes);
      } catch (thrown) {
        if (!(thrown instanceof TraceError)) throw thrown;
        throw new TraceError(thrown.code, thrown.message, {
          offset: this.json.offset,
          advice: thrown.toData().advice,
        });
      }
    });
  }

  private async value(key: string, around: number): Promise<void> {
    const { json } = this;
    const first = await json.peek();
    const isNear = around < MOST_AROUND && key !== 'frames';
    if (first === OPEN_OBJECT && isNear) await this.dict(around);
    else if (first === OPEN_ARRAY && isNear) await this.list(key, around);
    else await this.whole(key);
  }

  private async dict(around: number): Promise<void> {
    const { json, pickle } = this;
    await json.enter();
    pickle.openDict();
    let hasItems = false;
    for (let key; (key = await json.nextKey()) !== null;) {
      if (!hasItems) pickle.items();
      hasItems = true;
      pickle.text(key);
      await this.value(key, around + 1);
      if (json.isCut) return;
    }
    if (hasItems && !json.isCut) pickle.closeItems();
    if (pickle.waiting > PIECE) this.hand();
  }

  /** Lists of lists, and of segments, item by item: one may be larger than what is held at once. */
  private async list(key: string, around: number): Promise<void> {
    const { json, pickle } = this;
    const start = await json.ahead(AHEAD);
    const isDeep = /^\[\s*\[/.test(start) || key === 'segments' || (around === 0 && /^\[\s*\{/.test(start));
    await json.enter();
    const list = pickle.openList();
    if (isDeep) {
      while (await json.nextItem()) {
        pickle.item(list);
        await this.value('', around + 1);
        if (json.isCut) return;
      }
    } else {
      await json.restOfItems({
        step: (bytes, at, end, isLast) => {
          const after = skipValue(bytes, at, end, isLast);
          if (after < 0) return after;
          if (pickle.waiting > PIECE) this.hand();
          pickle.item(list);
          return pickle.value(bytes, at, after);
        },
      });
    }
    if (!json.isCut) pickle.closeList(list);
  }

  private async whole(key: string): Promise<void> {
    const { json, pickle } = this;
    const written = await json.takeAs((bytes, at, end) => pickle.value(bytes, at, end, key === 'frames'));
    if (written === BROKEN)
      throw new TraceError('corrupt', 'This JSON is damaged: a value was expected.', { offset: json.offset });
    if (written === undefined && !json.isCut) pickle.none();
  }
}

const read = (input: ReaderInput, context: ReaderContext): Promise<ReadOutcome> =>
  readSnapshot(input.storedBytes / WIDER, (feed) => new Walk(input, context, feed).all());

export const torchSnapshotJsonReader: Reader = { format: 'torch-snapshot', title: TITLE, sniff, read };
