/** What every reader of JSON does around its own part: one pass, ended by what broke it off, and a look at the head. */
import { TraceError } from '../../base/trace-error.ts';
import type { JsonCursor } from '../../file/json-tokens.ts';
import type { Format, Head, ReaderInput } from '../reader.ts';

/**
 * Runs `pass` from the start of the text and closes the cursor. What breaks the pass off is returned, so that what
 * was read until there is kept; null: it came to its end. Throws what is no fault of the text, and a cancellation.
 */
export async function passOver(
  json: JsonCursor,
  { name }: ReaderInput,
  format: Format,
  pass: () => Promise<void>,
): Promise<TraceError | null> {
  try {
    await json.skipMark();
    await pass();
    return json.inputError;
  } catch (thrown) {
    if (!(thrown instanceof TraceError) || thrown.code === 'cancelled') throw thrown;
    return new TraceError(thrown.code, thrown.message, { ...thrown.toData(name), format });
  } finally {
    await json.close();
  }
}

/** The head as text, a character a byte, without a byte-order mark. */
export const headText = ({ bytes }: Head, length = bytes.length): string =>
  new TextDecoder('latin1').decode(bytes.subarray(0, length)).replace(/^\u00ef\u00bb\u00bf/, '');
