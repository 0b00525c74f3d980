/**
 * What keeps an allocation, as far as the stack that made it tells. A stack shows who asked for memory and not who
 * holds it; some of the usual leaks make theirs in a place of their own:
 *
 *   main > forward > _call_impl (torch/nn/modules/module.py) > keep       a hook made it: what hooks keep
 *   main > forward > ... > linear, one or two such stacks                 an activation by itself: a hook or attribute
 *   main > __next__ (torch/utils/data/dataloader.py) > collate            made in loading data
 *   torch::autograd::generated::AddmmBackward0 > at::native::mm           a gradient: made in the backward pass
 *
 * Module hooks: torch/nn/modules/module.py, `_call_impl`; hooks of tensors: torch/autograd/graph.py,
 * `_engine_run_backward`.
 */
import type { Frame } from '../../trace/stack-table.ts';
import { workOfFrames } from '../operator-frames.ts';
import { isOwnFrame } from '../user-frames.ts';

/** 'autograd_graph': the activations of a forward pass grow together, as a result kept with its graph does. */
export type LeakHint = 'autograd_graph' | 'hook' | 'activation' | 'data_loader' | 'gradient' | 'no_python';

const MODULE = /(^|[\\/])torch[\\/]nn[\\/]modules[\\/]module\.py$/;
const ENGINE = /(^|[\\/])torch[\\/]autograd[\\/](graph|__init__)\.py$/;
const DATA = /(^|[\\/])torch[\\/]utils[\\/]data[\\/]/;

const isCaller = ({ name, filename }: Frame): boolean =>
  (MODULE.test(filename) && /(^|\.)(_call_impl|inner)$/.test(name)) || ENGINE.test(filename);

/** A module is called for its forward pass, a custom function for its backward: neither is a hook. */
const isPass = ({ name }: Frame): boolean => /forward|backward|^apply$/i.test(name);

/**
 * `frames`: innermost first. null: the stack tells nothing. 'no_python', of an allocation without a stack among others
 * with one, is said by leak-suspects.ts.
 */
export function hintOf(frames: readonly Frame[]): Exclude<LeakHint, 'autograd_graph' | 'no_python'> | null {
  if (frames.some(({ filename }) => DATA.test(filename))) return 'data_loader';
  const own = frames.findIndex(isOwnFrame);
  if (own < 0) return workOfFrames(frames)?.backward === true ? 'gradient' : null;
  // The interpreter's own frames lie between, where C++ was recorded.
  const caller = frames.slice(own + 1).find(({ filename }) => filename !== '' && filename !== '??');
  if (caller !== undefined && isCaller(caller) && !isPass(frames[own])) return 'hook';
  return frames.some(({ name }) => /(^|\.)forward$/.test(name)) ? 'activation' : null;
}
