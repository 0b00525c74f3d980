/** The user's own line in a stack that PyTorch recorded with its C++ frames (stacks="all", the default). */
import { expect, it } from 'vitest';
import { isInternalFrame } from '../../src/analyze/user-frames.ts';

it.each([
  // As torch 2.10 writes them: symbols without a file, or with the bare one of the symbol table.
  ['torch::unwind::unwind()', '??', 0, true],
  ['torch::cuda::(anonymous namespace)::gather_with_cpp()', 'memory_snapshot.cpp', 0, true],
  [
    'c10::cuda::CUDACachingAllocator::Native::NativeCachingAllocator::malloc(void**, signed char)',
    '',
    0,
    true,
  ],
  [
    'at::Tensor at::_ops::index_Tensor::call(at::Tensor const&)',
    '/pytorch/build/aten/Operators_1.cpp',
    12,
    true,
  ],
  ['wrapper_CUDA_index_Tensor', 'RegisterCUDA_0.cpp', 0, true],
  ['method_vectorcall_VARARGS_KEYWORDS', '/usr/src/Objects/descrobject.c', 365, true],
  ['_call_impl', '/opt/venv/lib/python3.12/site-packages/torch/nn/modules/module.py', 1790, true],
  // The program's own, in Python and in an extension.
  ['forward', '/home/user/model.py', 54, false],
  ['mykernels::fused(at::Tensor const&)', '/home/user/csrc/fused.cpp', 31, false],
  ['attend', '/home/user/attention.py', 7, false],
])('%s in "%s": internal %s', (name, filename, line, internal) => {
  expect(isInternalFrame({ name, filename, line })).toBe(internal);
});
