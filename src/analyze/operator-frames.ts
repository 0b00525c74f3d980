/**
 * What C++ frames of PyTorch say was done. Threads of autograd have no Python frames, so that the stack of a gradient
 * is nothing but these:
 *
 *   at::_ops::convolution_backward::call(...)
 *   torch::autograd::generated::ConvolutionBackward0::apply(...)      <- the node: "ConvolutionBackward0"
 *   torch::autograd::Engine::evaluate_function(...)                   <- in the backward pass
 *
 *   at::_ops::ne_Tensor::call(...)
 *   at::native::isnan(...)                                            innermost of these: part of the other
 *   at::_ops::isnan::call(...)                                        <- the operator that was called: "isnan"
 *   torch::autograd::Engine::evaluate_function(...)
 *
 * Refuses to guess: null where neither a node nor an operator is among the frames.
 */
import type { Frame } from '../trace/stack-table.ts';

export interface OperatorWork {
  /** "ConvolutionBackward0 in the backward pass". */
  readonly label: string;
  /** true: run by autograd's engine. */
  readonly backward: boolean;
}

const NODE =
  /(?:^|\s)torch::(?:autograd|dynamo::autograd)::(?:\w+::|\(anonymous namespace\)::)*(\w+?)(?:_apply_functional\b|::apply\b)/;
const ENGINE = /(?:^|\s)torch::autograd::(?:\w+::)*(?:Engine|PythonEngine)::/;
const OPERATOR =
  /(?:^|\s)at::(?:_ops::(\w+)::(?:call|redispatch)\b|native::(?:\(anonymous namespace\)::)?(\w+)\()/;
/** How every operator gets its result's memory: it says nothing of the operator. */
const PLUMBING =
  /^(?:empty|new_empty|empty_strided|new_empty_strided|empty_like|empty_memory_format|empty_cuda|empty_strided_cuda|resize_|resize_impl_cuda_|_?to_copy|structured_\w+)$/;

/** `frames`: innermost first. */
export function workOfFrames(frames: readonly Frame[]): OperatorWork | null {
  const backward = frames.some(({ name }) => ENGINE.test(name));
  let operator: string | null = null;
  let plumbing: string | null = null;
  for (const { name } of frames) {
    const node = NODE.exec(name)?.[1];
    // Node::apply itself is every node's.
    if (node !== undefined && node !== 'Node')
      return { label: `${node} in the backward pass`, backward: true };
    const found = OPERATOR.exec(name);
    const called = found === null ? undefined : (found[1] ?? found[2]);
    if (called === undefined) continue;
    // The outermost is what was asked for; those inside of it are how it is done.
    if (PLUMBING.test(called)) plumbing ??= called;
    else operator = called;
  }
  const named = operator ?? plumbing;
  if (named === null) return null;
  return { label: `${named} ${backward ? 'in the backward pass' : '(operator of PyTorch)'}`, backward };
}
