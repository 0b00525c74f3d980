/**
 * What a device's page keeps for its workspace: the view, the filter and what passes it, the selection and its panel.
 * Every change goes through here; what concerns the timeline is handed to the page.
 */
import type { ReactiveController, ReactiveControllerHost } from 'lit';
import type { Result } from '../../base/result.ts';
import { type TraceErrorData, toErrorData } from '../../base/trace-error.ts';
import type { EngineApi } from '../../engine/engine-api.ts';
import type { DeviceView, LifeAnswer, LivesAnswer } from '../../engine/protocol.ts';
import type { Selected, WorkspaceChange } from '../../view/workspace/context.ts';
import { initialWorkspace, type WorkspaceState } from '../../view/workspace/workspace-state.ts';
import { Latest } from '../parts/latest.ts';
import { askEngine } from '../replay/replay-questions.ts';

/** What the page does for its workspace. */
export interface WorkspacePage {
  readonly api: () => Promise<EngineApi>;
  readonly device: DeviceView;
  /** What of a change concerns the timeline. */
  applyTimeline(change: WorkspaceChange): void;
  showLife(life: LifeAnswer): void;
  showStack(node: number): void;
  showEvent(row: number): void;
  failed(error: TraceErrorData): void;
  /** `isStep`: Back leads to what was before. */
  changed(isStep: boolean): void;
}

export class Workspace implements ReactiveController {
  state: WorkspaceState;
  /** What the filter lets pass; null: not counted yet. */
  passed: LivesAnswer | null = null;

  private readonly counts: Latest<string, Result<LivesAnswer, TraceErrorData>>;
  private picks = 0;

  constructor(
    private readonly host: ReactiveControllerHost,
    private readonly page: WorkspacePage,
  ) {
    host.addController(this);
    this.state = initialWorkspace(page.device);
    this.counts = new Latest<string, Result<LivesAnswer, TraceErrorData>>(
      async (filter) =>
        (await page.api()).lives({
          ...{ device: page.device.key, filter, from: 0, limit: 0 },
          ...{ sort: 'made', descending: false },
        }),
      (answer) => {
        if (answer.ok) this.passed = answer.value;
        else page.failed(answer.error);
        host.requestUpdate();
      },
      (error) => page.failed(toErrorData(error, null)),
    );
  }

  hostConnected(): void {
    // Nothing is asked before a view needs it.
  }

  /** `isStep`: somebody did it, and Back undoes it. */
  change(change: WorkspaceChange, isStep = true): void {
    const before = this.state;
    this.state = {
      view: change.view ?? before.view,
      filter: change.filter ?? before.filter,
      selected: change.selected === undefined ? before.selected : change.selected,
      colour: change.colour ?? before.colour,
      stacks: change.stacks ?? before.stacks,
    };
    const { view, filter, selected } = this.state;
    if (view !== 'overview' && (this.passed === null || filter !== before.filter)) this.counts.want(filter);
    if (selected !== before.selected) void this.select(selected);
    this.page.applyTimeline(change);
    this.host.requestUpdate();
    const steps = ['view', 'filter', 'selected', 'range', 'axis', 'colour'] as const;
    this.page.changed(isStep && steps.some((name) => change[name] !== undefined));
  }

  private async select(selected: Selected | null): Promise<void> {
    const pick = ++this.picks;
    if (selected === null) return;
    if (selected.kind === 'stack') return this.page.showStack(selected.node);
    if (selected.kind === 'event') return this.page.showEvent(selected.row);
    if (selected.kind === 'segment') return;
    const life = await askEngine(this.page.api, (api) => api.life(this.page.device.key, selected.life));
    // Only the newest pick is shown.
    if (pick !== this.picks) return;
    if (life.ok) this.page.showLife(life.value);
    else this.page.failed(life.error);
  }
}
