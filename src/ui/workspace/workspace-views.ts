/** The view of the workspace that is on screen: each is an element that is given the context and the engine. */
import { html, nothing } from 'lit';
import type { EngineApi } from '../../engine/engine-api.ts';
import type { SourceView } from '../../engine/protocol.ts';
import type { ViewContext, ViewId } from '../../view/workspace/context.ts';
import './vs-address-map.ts';
import './vs-allocations.ts';
import './vs-compare.ts';
import './vs-events.ts';
import './vs-stacks.ts';

/** `sources`: all that is open, to compare with. */
export function renderView(
  view: ViewId,
  context: ViewContext,
  api: () => Promise<EngineApi>,
  sources: readonly SourceView[],
): unknown {
  switch (view) {
    case 'allocations':
      return html`<vs-allocations .context=${context} .api=${api}></vs-allocations>`;
    case 'map':
      return html`<vs-address-map .context=${context} .api=${api}></vs-address-map>`;
    case 'stacks':
      return html`<vs-stacks .context=${context} .api=${api}></vs-stacks>`;
    case 'events':
      return html`<vs-events .context=${context} .api=${api}></vs-events>`;
    case 'compare':
      return html`<vs-compare .context=${context} .api=${api} .sources=${sources}></vs-compare>`;
    case 'overview':
    case 'settings':
      return nothing;
  }
}
