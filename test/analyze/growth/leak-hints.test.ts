/** What the stack of an allocation tells of what keeps it: the usual sources of leaks, and stacks close to them. */
import { expect, it } from 'vitest';
import { hintOf } from '../../../src/analyze/growth/leak-hints.ts';
import type { Frame } from '../../../src/trace/stack-table.ts';

const SITE = '/opt/venv/lib/python3.12/site-packages';
const MODULE = `${SITE}/torch/nn/modules/module.py`;

const frame = (name: string, filename = '/home/user/app.py', line = 7): Frame => ({ name, filename, line });
const call = frame('_call_impl', MODULE);
const main = frame('main');

/** Stacks as PyTorch 2.11 records them, innermost first. */
it.each<[string, ReturnType<typeof hintOf>, Frame[]]>([
  [
    'a hook of a module',
    'hook',
    [frame('keep'), call, frame('_wrapped_call_impl', MODULE), frame('forward'), main],
  ],
  ['a hook, as always_call makes it', 'hook', [frame('keep'), frame('inner', MODULE), call, main]],
  [
    'a hook of a tensor, in the backward pass',
    'hook',
    [frame('keep_grad'), frame('_engine_run_backward', `${SITE}/torch/autograd/graph.py`), main],
  ],
  [
    'a hook with C++ frames between',
    'hook',
    [frame('keep'), frame('_PyEval_EvalFrameDefault', '??', 0), call, main],
  ],
  ['the forward of a module is no hook', 'activation', [frame('forward'), call, main]],
  [
    "PyTorch's own layer, called by a forward",
    'activation',
    [
      frame('forward', `${SITE}/torch/nn/modules/linear.py`),
      call,
      frame('block'),
      frame('forward'),
      call,
      main,
    ],
  ],
  [
    'the backward of a custom function',
    null,
    [
      frame('backward'),
      frame('apply', `${SITE}/torch/autograd/function.py`),
      frame('_engine_run_backward', `${SITE}/torch/autograd/graph.py`),
      main,
    ],
  ],
  [
    'a batch that the loader made',
    'data_loader',
    [
      frame('collate'),
      frame('fetch', `${SITE}/torch/utils/data/_utils/fetch.py`),
      frame('__next__', `${SITE}/torch/utils/data/dataloader.py`),
      main,
    ],
  ],
  ['a batch that the loop moves', null, [frame('to_gpu'), main]],
  ['only frames of PyTorch', null, [frame('linear', `${SITE}/torch/nn/functional.py`)]],
  ['no frame', null, []],
])('%s: %s', (_, expected, frames) => {
  expect(hintOf(frames)).toBe(expected);
});
