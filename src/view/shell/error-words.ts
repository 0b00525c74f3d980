/** Error codes in plain words: what happened, where, what to do. */
import { formatInteger } from '../../base/units.ts';
import type { TraceErrorCode, TraceErrorData } from '../../base/trace-error.ts';

const TITLES: Readonly<Record<TraceErrorCode, string>> = {
  unrecognised: 'This is not a file that vramscope knows',
  refused: 'This file needs one step before it can be read',
  truncated: 'The file ends too early',
  corrupt: 'The file is damaged',
  'unsafe-pickle': 'This pickle would run code, so it was not read',
  unsupported: 'This version of the format is not read',
  io: 'The file could not be read from disk',
  cancelled: 'Reading was cancelled',
  memory: 'There was not enough memory',
  ended: 'The engine of the page ended',
  internal: 'vramscope made a mistake',
};

const ADVICE: Readonly<Record<TraceErrorCode, string | null>> = {
  unrecognised:
    'Open a PyTorch snapshot (pickle), a log (torch.cuda.memory_summary(), vLLM, SGLang), an Nsight Systems export, a Kineto trace, or figures of nvidia-smi or Prometheus.',
  refused: null,
  truncated: 'What came before the end is shown. Record it again, or copy the file again in full.',
  corrupt: 'Copy the file again; if it still fails, record it again.',
  'unsafe-pickle':
    'A memory snapshot holds plain data only. Make sure the file came from torch.cuda.memory._dump_snapshot().',
  unsupported: null,
  io: 'It may have been moved, changed or removed since it was chosen. Choose it again.',
  cancelled: null,
  memory: null,
  ended: null,
  internal: 'Please report it with the text below.',
};

export interface ErrorWords {
  readonly title: string;
  readonly message: string;
  readonly advice: string | null;
  /** "serve.pickle, read as torch-snapshot, at byte 1,234". */
  readonly where: string;
}

export function errorWords(error: TraceErrorData): ErrorWords {
  const where = [
    error.file,
    error.format === null ? 'format not recognised' : `read as ${error.format}`,
    error.offset === null ? null : `at byte ${formatInteger(error.offset)}`,
  ];
  return {
    title: TITLES[error.code],
    message: error.message,
    advice: error.advice ?? ADVICE[error.code],
    where: where.filter((part) => part !== null).join(', '),
  };
}
