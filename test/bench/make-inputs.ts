/**
 * Inputs of tens of megabytes for the bench, multiplied in memory from small fixtures: each copy of a text goes on in
 * time where the one before ended, so that clocks run forwards as in a real log.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { zipSync } from 'fflate';
import { tarEnd, tarFile } from '../file/make-archives.ts';
import { makeProfile } from '../fixtures/make-jax-profile.ts';
import { memoryVizPage } from '../fixtures/make-memory-viz.ts';

/** The bench is bundled, so its own place does not tell: it is started in the repository. */
const ROOT = process.cwd();

/** What the plainest program would do with the same bytes (read-memory.ts). */
export type Floor = 'bytes' | 'lines' | 'json' | 'json-lines' | 'gunzip' | 'inflate-raw' | 'base64';

export interface BenchInput {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** Bytes after decompression, where the input is compressed. */
  readonly plainBytes?: number;
  readonly floor: Floor;
}

const fixture = (path: string): Buffer => readFileSync(join(ROOT, 'test/fixtures', path));
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

const DATED = /(\d{4})([-/]?)(\d\d)([-/]?)(\d\d)( +|T)(\d\d):(\d\d):(\d\d)/g;
const YEARLESS = /\b([A-Z]+ )(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)/g;

/** The text with all its times so many seconds later. */
function later(text: string, seconds: number): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  const moved = (year: string, month: string, day: string, clock: string): Date =>
    new Date(Date.parse(`${year}-${month}-${day}T${clock}Z`) + seconds * 1000);
  const clockOf = (date: Date): string => date.toISOString().slice(11, 19);
  return text
    .replace(
      DATED,
      (_all, year: string, a: string, month: string, b: string, day: string, gap: string, ...hms) => {
        const date = moved(year, month, day, hms.slice(0, 3).join(':'));
        return `${date.getUTCFullYear()}${a}${two(date.getUTCMonth() + 1)}${b}${two(date.getUTCDate())}${gap}${clockOf(date)}`;
      },
    )
    .replace(YEARLESS, (_all, level: string, month: string, day: string, ...hms) => {
      const date = moved('2001', month, day, hms.slice(0, 3).join(':'));
      return `${level}${two(date.getUTCMonth() + 1)}-${two(date.getUTCDate())} ${clockOf(date)}`;
    });
}

/** Copies of `text`, each `step` seconds later than the last, after `head`, to about `size` bytes. */
function grown(size: number, text: string, step: number, head = ''): Uint8Array {
  const parts: string[] = [head];
  let length = head.length;
  for (let copy = 0; length < size; copy++) {
    const part = step === 0 ? text : later(text, copy * step);
    parts.push(part);
    length += part.length;
  }
  return utf8(parts.join(''));
}

/** What stands between the figures of a server's log: nothing of it is about memory. */
const HTTP = (logger: string): string =>
  Array.from(
    { length: 12 },
    (_, i) => `${logger}INFO:     10.0.0.${i}:5${i}230 - "POST /v1/completions HTTP/1.1" 200 OK\n`,
  ).join('');
const TRAINING = Array.from(
  { length: 60 },
  (_, i) =>
    `2026-11-21 09:12:${String(i).padStart(2, '0')},${100 + i} INFO trainer.loop epoch=3 step=${4200 + i} loss=2.${3141 + i} lr=1.00e-04 grad_norm=0.8${i} samples/s=512.3\n`,
).join('');

const lines = (path: string, keep: (line: string) => boolean): string =>
  fixture(path)
    .toString()
    .split('\n')
    .filter((line) => line !== '' && keep(line))
    .map((line) => `${line}\n`)
    .join('');

const snapshot = (): Buffer => gunzipSync(readFileSync(join(ROOT, 'samples/train.pickle.gz')));

type Make = (size: number) => Omit<BenchInput, 'name'>;
const text =
  (make: (size: number) => Uint8Array): Make =>
  (size) => ({ bytes: make(size), floor: 'lines' });

function prometheusRange(size: number): Uint8Array {
  const labels = (gpu: number): string =>
    `{"__name__":"DCGM_FI_DEV_FB_USED","UUID":"GPU-${gpu}","device":"nvidia${gpu}","gpu":"${gpu}","pod":"train-${gpu}"}`;
  const count = Math.ceil(size / 8 / 28);
  const series = Array.from({ length: 8 }, (_, gpu) => {
    const values = Array.from(
      { length: count },
      (_, i) => `[${1722500000 + 15 * i}.123,"${19818 + ((i * 37) % 900)}"]`,
    );
    return `{"metric":${labels(gpu)},"values":[${values.join()}]}`;
  });
  return utf8(`{"status":"success","data":{"resultType":"matrix","result":[${series.join()}]}}`);
}

/** A log that compresses as logs do, for the archives. */
const serverLog = (size: number): Uint8Array =>
  grown(
    size,
    lines('log/vllm-v1-tp2.log', (line) => line.includes('Avg prompt')) + HTTP('(APIServer pid=10) '),
    20,
    fixture('log/vllm-v1-tp2.log').toString(),
  );

/** Bytes that text-level3.zst expands to. */
const ZSTD_TEXT_BYTES = 274_650;
const MEMORY_LINE = '\n[end] Allocated: 1.0 MB | Reserved: 2.1 MB\n';

/** A zstd frame of one raw block: magic, single segment with a size of one byte, block header, content. RFC 8878. */
function rawFrame(text: string): Uint8Array {
  const header = (text.length << 3) | 1;
  return Uint8Array.of(
    ...[0x28, 0xb5, 0x2f, 0xfd, 0x20, text.length, header, header >> 8, header >> 16],
    ...utf8(text),
  );
}

const MAKERS: Readonly<Record<string, Make>> = {
  'training log': text((size) =>
    grown(size, `${TRAINING}step 60\n${fixture('memory-summary/train.memory_summary.txt').toString()}\n`, 60),
  ),
  'training log, no memory': text((size) =>
    grown(size, TRAINING, 60, fixture('log/serve.report.log').toString()),
  ),
  'vLLM log': text(serverLog),
  'SGLang log': text((size) =>
    grown(
      size,
      lines('log/sglang-tp2.log', (line) => line.includes(' batch.')) + HTTP('[2026-08-01 23:43:51] '),
      10,
      fixture('log/sglang-tp2.log').toString(),
    ),
  ),
  'request log': text((size) => grown(size, fixture('log/serve.requests.log').toString(), 10)),
  'allocated/reserved': text((size) => grown(size, fixture('log/serve.report.log').toString(), 0)),
  memory_summary: text((size) =>
    grown(size, `step\n${fixture('memory-summary/train.memory_summary.txt').toString()}\n`, 0),
  ),
  memory_stats: text((size) =>
    grown(size, `${fixture('memory-summary/train.memory_stats.json').toString().trim()}\n`, 0),
  ),
  'out of memory': text((size) => grown(size, `${fixture('log/oom.txt').toString()}\n`, 0)),
  'tensor listing': text((size) => grown(size, fixture('log/tensors.txt').toString(), 0)),
  'nvidia-smi csv': text((size) =>
    grown(
      size,
      lines('nvidia-smi/query.csv', (line) => line.startsWith('2026')),
      10,
      `${fixture('nvidia-smi/query.csv').toString().split('\n')[0]}\n`,
    ),
  ),
  'nvidia-smi, === times': text((size) =>
    grown(size, fixture('nvidia-smi/serve.nvidia-smi.log').toString(), 15),
  ),
  'nvidia-smi dmon': text((size) => grown(size, fixture('nvidia-smi/serve.dmon.log').toString(), 20)),
  'nvidia-smi pmon': text((size) => grown(size, fixture('nvidia-smi/pmon.log').toString(), 10)),
  'nvidia-smi table': text((size) =>
    grown(size, `Sat Nov 21 09:12:29 2026\n${fixture('nvidia-smi/table.txt').toString()}\n`, 0),
  ),
  'Prometheus text': text((size) =>
    grown(size, fixture('prometheus-text/dcgm-three-scrapes.prom').toString(), 0),
  ),
  'Prometheus JSON': (size) => ({ bytes: prometheusRange(size), floor: 'json' }),
  'nsys stats csv': text((size) => {
    const csv = fixture('nsys-stats/base_cuda_gpu_trace.csv').toString().trimEnd().split('\n');
    return grown(size, `${csv.slice(1).join('\n')}\n`, 0, `${csv[0]}\n`);
  }),
  'JAX profile': (size) => ({ bytes: makeProfile(Math.ceil(size / 34)), floor: 'bytes' }),
  'memory_viz page': (size) => {
    const pickle = snapshot();
    const count = Math.max(1, Math.round(size / ((pickle.length * 4) / 3)));
    return { bytes: utf8(memoryVizPage(Array.from({ length: count }, () => pickle))), floor: 'base64' };
  },
  'log.gz': (size) => {
    const log = serverLog(size);
    return { bytes: gzipSync(log), plainBytes: log.length, floor: 'gunzip' };
  },
  'log.zst': (size) => {
    // Frames one after the other are one file; the last one, of a raw block, holds a line that is understood.
    const count = Math.ceil(size / ZSTD_TEXT_BYTES);
    const frames = Array.from({ length: count }, () => fixture('zstd/text-level3.zst'));
    const bytes = new Uint8Array(Buffer.concat([...frames, rawFrame(MEMORY_LINE)]));
    return { bytes, plainBytes: count * ZSTD_TEXT_BYTES + MEMORY_LINE.length, floor: 'bytes' };
  },
  'log.zip': (size) => {
    const log = serverLog(size);
    return { bytes: zipSync({ 'serve.log': log }), plainBytes: log.length, floor: 'inflate-raw' };
  },
  'log.tar': (size) => {
    const log = serverLog(size);
    const bytes = new Uint8Array(Buffer.concat([tarFile('serve.log', log), tarEnd()]));
    return { bytes, plainBytes: log.length, floor: 'lines' };
  },
};

export const INPUT_NAMES: readonly string[] = Object.keys(MAKERS);

/** Throws where there is no input of this name. */
export function makeInput(name: string, size: number): BenchInput {
  if (!Object.hasOwn(MAKERS, name))
    throw new Error(`no input "${name}"; there are ${INPUT_NAMES.join(', ')}`);
  return { name, ...MAKERS[name](size) };
}
