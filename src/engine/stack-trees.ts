/** The newest trees of stacks of a device: searching, zooming and marking ask the same one again. */
import type { StackTree } from '../analyze/lives/stack-tree.ts';
import type { StackWeights } from '../analyze/lives/stack-weights.ts';

/** Trees that are kept: the one on screen and the one before it. */
const KEPT_TREES = 2;

export interface MadeTree {
  readonly tree: StackTree;
  readonly weights: StackWeights;
}

export class StackTrees {
  private readonly kept = new Map<string, MadeTree>();

  of(key: string, make: () => MadeTree): MadeTree {
    const made = this.kept.get(key) ?? make();
    this.kept.delete(key);
    this.kept.set(key, made);
    for (const oldest of this.kept.keys()) {
      if (this.kept.size <= KEPT_TREES) break;
      this.kept.delete(oldest);
    }
    return made;
  }
}
