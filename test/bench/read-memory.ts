/**
 * Reads one input of make-inputs.ts, made in memory, and does with the same bytes what the plainest program would, each
 * several times in turn in this process: read-memory NAME MEGABYTES RUNS. Prints one JSON line: milliseconds
 * (the least: noise only adds; cpuMs of all threads, for machines that others use too), rows and decompressed bytes.
 */
import { gunzipSync, inflateRawSync } from 'node:zlib';
import { BytesSource } from '../read/open-for-test.ts';
import { loadFile } from '../../src/engine/load-source.ts';
import { INPUT_NAMES, makeInput, type Floor } from './make-inputs.ts';

const CHUNK = 1 << 20;

/** What keeps a floor from being optimised away: something of every byte or line. */
const FLOORS: Readonly<Record<Floor, (bytes: Uint8Array) => number>> = {
  bytes(bytes) {
    let sum = 0;
    for (const byte of bytes) sum = (sum + byte) | 0;
    return sum;
  },
  lines(bytes) {
    const decoder = new TextDecoder();
    let count = 0;
    let rest = '';
    for (let at = 0; at < bytes.length; at += CHUNK) {
      const lines = (rest + decoder.decode(bytes.subarray(at, at + CHUNK), { stream: true })).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) if (line !== '') count++;
    }
    return count + rest.length;
  },
  json: (bytes) => Object.keys(JSON.parse(new TextDecoder().decode(bytes)) as object).length,
  'json-lines': (bytes) =>
    new TextDecoder()
      .decode(bytes)
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as unknown).length,
  gunzip: (bytes) => FLOORS.lines(gunzipSync(bytes)),
  // The one entry of a zip: its local header is 30 bytes and the name.
  'inflate-raw': (bytes) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    return FLOORS.lines(
      inflateRawSync(bytes.subarray(30 + view.getUint16(26, true) + view.getUint16(28, true))),
    );
  },
  base64(bytes) {
    const text = Buffer.from(bytes).toString('latin1');
    let sum = 0;
    for (const [, base64] of text.matchAll(/"base64": "([^"]*)"/g))
      sum += Buffer.from(base64, 'base64').length;
    return sum;
  },
};

const least = (values: readonly number[]): number => Math.min(...values);

const [name, megabytes, runs] = process.argv.slice(2);
if (name === '--list') {
  console.log(JSON.stringify(INPUT_NAMES));
} else {
  const { bytes, plainBytes = bytes.length, floor } = makeInput(name, Number(megabytes) * 1e6);
  const source = new BytesSource('unknown', bytes);
  const ours: number[] = [];
  const theirs: number[] = [];
  const cpuTimes: number[] = [];
  let rows = 0;
  let formats: (string | null)[] = [];
  for (let i = 0; i < Number(runs); i++) {
    const before = performance.now();
    FLOORS[floor](bytes);
    const between = performance.now();
    const cpuBefore = process.cpuUsage();
    const loaded = await loadFile(source, { isCancelled: () => false, onProgress: () => undefined });
    const after = performance.now();
    const cpu = process.cpuUsage(cpuBefore);
    cpuTimes.push((cpu.user + cpu.system) / 1000);
    for (const { error } of loaded) if (error !== null) throw new Error(`${name}: ${error.message}`);
    theirs.push(between - before);
    ours.push(after - between);
    rows = loaded.reduce((sum, { data }) => sum + data.rows, 0);
    formats = loaded.map(({ format }) => format);
  }
  console.log(
    JSON.stringify({
      name,
      floor,
      bytes: plainBytes,
      rows,
      formats,
      ms: least(ours),
      floorMs: least(theirs),
      cpuMs: least(cpuTimes),
    }),
  );
}
