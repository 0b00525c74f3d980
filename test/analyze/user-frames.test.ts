/** The user's own line in a stack that PyTorch recorded with its C++ frames (stacks="all", the default). */
import { expect, it } from 'vitest';
import { workOfFrames } from '../../src/analyze/operator-frames.ts';
import { frameLabel, holderLabel, isInternalFrame, isOwnFrame } from '../../src/analyze/user-frames.ts';
import { NONE } from '../../src/trace/schema.ts';
import { type Frame, StackTable } from '../../src/trace/stack-table.ts';

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
  // The interpreter's own, where it has symbols; threads; the C++ library.
  ['_PyObject_VectorcallTstate', '/usr/local/src/conda/python-3.10.14/Include/cpython/abstract.h', 112, true],
  ['_PyEval_EvalFrame', '/usr/local/src/conda/python-3.10.14/Include/internal/pycore_ceval.h', 46, true],
  ['_PyEval_EvalFrameDefault', 'Python/generated_cases.c.h', 813, true],
  ['_PyEval_EvalFrameDefault', '../Python/ceval.c', 4181, true],
  ['execute_native_thread_routine', '../../../../../src/libstdc++-v3/src/c++11/thread.cc', 82, true],
  ['start_thread', './nptl/pthread_create.c', 447, true],
  ['BaseThreadInitThunk', 'C:\\Windows\\System32\\KERNEL32.DLL', 0, true],
  ['_worker', '/usr/lib/python3.11/concurrent/futures/thread.py', 83, true],
  ['run', '/opt/conda/lib/python3.11/threading.py', 982, true],
  ['run', '/opt/conda/lib/python311.zip/threading.py', 982, true],
  // What is generated, and packages that only carry out.
  ['call', '/tmp/torchinductor_me/wz/cwzey3tobrkftakbyfpv4yygv4edf5wgdwst6cfrq5ppic6crx4e.py', 107, true],
  ['call', '/var/cache/kernels/dr/cwzey3tobrkftakbyfpv4yygv4edf5wgdwst6cfrq5ppic6crx4e.py', 768, true],
  ['forward', '<eval_with_key>.5', 11, true],
  ['__init__', '<string>', 4, true],
  ['rearrange', '/opt/venv/lib/python3.12/site-packages/einops/einops.py', 591, true],
  ['to', '/opt/venv/lib/python3.12/site-packages/transformers/modeling_utils.py', 4343, false],
  // Windows: both separators, and a library without "python3.x" in its path.
  ['convert', 'C:\\work\\proj\\.venv\\Lib\\site-packages\\torch\\nn\\modules\\module.py', 1357, true],
  ['run', 'C:\\Users\\me\\AppData\\Local\\Programs\\Python\\Python311\\Lib\\threading.py', 982, true],
  ['_run_once', 'C:\\Python312\\Lib\\asyncio\\base_events.py', 1987, true],
  ['build', 'C:\\work\\proj\\train\\run.py', 52, false],
  ['step', 'C:\\work\\lib\\trainer.py', 52, false],
  // Folders of the user's that are called as those of others.
  ['main', '/home/me/python/train.py', 3, false],
  ['main', '/home/me/python_code/train.py', 3, false],
  ['<module>', '<stdin>', 1, false],
  ['<module>', '/tmp/ipykernel_4711/3920911093.py', 4, false],
])('%s in "%s": internal %s', (name, filename, line, internal) => {
  expect(isInternalFrame({ name, filename, line })).toBe(internal);
});

const cpp = (name: string, filename = '??'): Frame => ({ name, filename, line: 0 });
const ALLOCATOR = [
  cpp('torch::unwind::unwind()'),
  cpp('torch::CapturedTraceback::gather(bool, bool, bool)'),
  cpp('at::detail::empty_cuda(c10::ArrayRef<long>, c10::TensorOptions const&)'),
];
const ENGINE = [
  cpp('torch::autograd::Node::operator()(std::vector<at::Tensor, std::allocator<at::Tensor> >&&)', ''),
  cpp('torch::autograd::Engine::evaluate_function(std::shared_ptr<torch::autograd::GraphTask>&)'),
  cpp('execute_native_thread_routine', '../../src/libstdc++-v3/src/c++11/thread.cc'),
  cpp('__clone3', ''),
];

/** The label of a stack given innermost first. */
function labelOf(frames: readonly Frame[]): string {
  const stacks = new StackTable();
  const node = [...frames]
    .reverse()
    .reduce(
      (at, { name, filename, line }) => stacks.child(at, stacks.internFrame(name, filename, line)),
      NONE as number,
    );
  return holderLabel(stacks, node);
}

it.each<[string, string, Frame[]]>([
  [
    'a node',
    'ConvolutionBackward0 in the backward pass',
    [
      ...ALLOCATOR,
      cpp('at::_ops::convolution_backward::call(at::Tensor const&)'),
      cpp(
        'torch::autograd::generated::ConvolutionBackward0_apply_functional(std::vector<at::Tensor>&&)',
        'Functions.cpp',
      ),
      cpp('torch::autograd::generated::ConvolutionBackward0::apply(std::vector<at::Tensor>&&)'),
      ...ENGINE,
    ],
  ],
  [
    'what a leaf gathers',
    'AccumulateGrad in the backward pass',
    [
      ...ALLOCATOR,
      cpp('at::_ops::new_empty_strided::call(at::Tensor const&)'),
      cpp('torch::autograd::AccumulateGrad::apply(std::vector<at::Tensor>&&)'),
      ...ENGINE,
    ],
  ],
  [
    'an operator that the engine itself calls: the one that was asked for, not its parts',
    'isnan in the backward pass',
    [
      ...ALLOCATOR,
      cpp('at::_ops::ne_Tensor::call(at::Tensor const&, at::Tensor const&)'),
      cpp('at::native::isnan(at::Tensor const&)'),
      cpp('at::_ops::isnan::call(at::Tensor const&)'),
      ...ENGINE,
    ],
  ],
  [
    'an operator of a C++ program',
    'addmm (operator of PyTorch)',
    [...ALLOCATOR, cpp('at::_ops::addmm::call(at::Tensor const&)'), cpp('main', '')],
  ],
  [
    'a hook in Python, called by the engine: its line',
    'keep  app/hooks.py:8',
    [...ALLOCATOR, { name: 'keep', filename: '/srv/app/hooks.py', line: 8 }, ...ENGINE],
  ],
  [
    'nothing but who recorded it',
    'a stack without a line of the program',
    [...ALLOCATOR, ...ENGINE.slice(2)],
  ],
])('names %s', (_, label, frames) => {
  expect(labelOf(frames)).toBe(label);
});

it('writes places of Windows without a drive, and with two parts', () => {
  const frame = { name: 'main', filename: 'C:\\work\\proj\\train\\run.py', line: 88 };
  expect(frameLabel(frame)).toBe('main  train/run.py:88');
  expect(frameLabel({ ...frame, filename: 'D:\\run.py' })).toBe('main  run.py:88');
  expect(isOwnFrame(frame)).toBe(true);
  expect(isOwnFrame({ ...frame, filename: 'C:\\x\\Lib\\site-packages\\transformers\\trainer.py' })).toBe(
    false,
  );
});

it('tells no work of a stack that has none', () => {
  expect(workOfFrames([cpp('main', ''), { name: 'f', filename: '/a/b.py', line: 1 }])).toBeNull();
});
