/** What a device's workspace shows beside the timeline's state: the view, the filter, the selection. Pure. */
import type { DeviceView, GroupBy } from '../../engine/protocol.ts';
import type { Selected, ViewId } from './context.ts';
import type { StackChoice } from './stack-choice.ts';

export interface WorkspaceState {
  readonly view: ViewId;
  /** Typed filter; '' lets everything pass. */
  readonly filter: string;
  readonly selected: Selected | null;
  readonly colour: GroupBy;
  /** How stacks are looked at; absent: nobody has chosen yet. */
  readonly stacks?: StackChoice | undefined;
}

/** Lines of code where there are some, else sizes. */
export const initialWorkspace = ({ hasStacks }: Pick<DeviceView, 'hasStacks'>): WorkspaceState => ({
  view: 'overview',
  filter: '',
  selected: null,
  colour: hasStacks ? 'line' : 'size',
});

/** Whether a view has anything to show of a device; else why not, in words. */
export function whyNotShown(view: ViewId, { producer, rows }: DeviceView): string | null {
  if (view === 'overview' || view === 'compare') return null;
  if (view === 'settings')
    return producer === 'torch'
      ? null
      : "Settings of PyTorch's allocator need a recording of PyTorch's allocator.";
  if (view === 'events' && rows === 0)
    return 'Only the state at the end: no events were recorded. Record with torch.cuda.memory._record_memory_history(max_entries=1_000_000).';
  return null;
}
