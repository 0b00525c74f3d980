/** Chrome traces of other programs are never called PyTorch's, and PyTorch's own always are. */
import { describe, expect, it } from 'vitest';
import { kinetoTraceReader } from '../../../src/read/kineto/trace.ts';
import { readBytes } from '../open-for-test.ts';

const event = (name: string, cat: string | null, more: object = {}): object => ({
  ph: 'X',
  pid: 1,
  tid: 1,
  ts: 1000.5,
  dur: 3,
  name,
  ...(cat === null ? {} : { cat }),
  ...more,
});
const named = (name: string): object => ({ ph: 'M', pid: 1, ts: 0, name: 'process_name', args: { name } });
const read = (trace: unknown): ReturnType<typeof readBytes> =>
  readBytes(kinetoTraceReader, 'trace.json', JSON.stringify(trace));

describe('another program', () => {
  it.each([
    [
      'Node.js',
      { traceEvents: [named('node'), event('bootstrap', 'node,node.bootstrap'), event('V8.GC', 'v8')] },
    ],
    [
      'Chrome',
      [event('RunTask', 'disabled-by-default-devtools.timeline'), event('Paint', 'devtools.timeline')],
    ],
    [
      'XLA',
      {
        traceEvents: [
          named('/host:CPU'),
          event('PjitFunction', null),
          event('TfrtCpuExecutable::Execute', null),
        ],
      },
    ],
    ['XLA', { traceEvents: [named('/device:TPU:0'), event('fusion.0', null)] }],
    ['TensorFlow', { traceEvents: [named('/job:localhost/replica:0/task:0'), event('MatMul', 'Op')] }],
    ['Ray', [event('train_step', 'task::train_step')]],
    ['VizTracer', { traceEvents: [event('main (/a.py:1)', 'FEE')], viztracer_metadata: { version: '0.16' } }],
    ['', { traceEvents: [event('foo', null), event('bar', 'mine')] }],
  ])('%s', async (writer, trace) => {
    const { data, error } = await read(trace);
    expect(error?.code).toBe('refused');
    expect(error?.message).toContain('nothing in it is from PyTorch');
    expect(error?.message).toContain(writer);
    expect(data.producer).not.toContain('PyTorch');
    expect(error?.toData().advice).toContain(writer === 'XLA' ? 'jax.profiler' : 'memory');
  });

  it('is not named where the file ends before it shows itself', async () => {
    const cut = JSON.stringify({ traceEvents: [named('python'), event('x', 'y')] }).slice(0, -4);
    const { data } = await readBytes(kinetoTraceReader, 'trace.json', cut);
    expect(data.producer).toBe('Chrome trace');
  });
});

describe('PyTorch', () => {
  it.each([
    ['by a key around the events', { schemaVersion: 1, traceEvents: [event('x', null)] }],
    ['by a category', { traceEvents: [named('python'), event('void k()', 'kernel')] }],
    ['by a name', { traceEvents: [event('aten::mul', null)] }],
    ['of 1.8', [event('add', 'Operator'), event('void k()', 'Kernel')]],
    ['by its memory', [event('[memory]', null, { args: { 'Device Type': 1, 'Device Id': 0, Bytes: 512 } })]],
  ])('%s', async (_how, trace) => {
    const { data, error } = await read(trace);
    expect(error).toBeNull();
    expect(data.producer).toContain('PyTorch profiler (Kineto)');
  });
});
