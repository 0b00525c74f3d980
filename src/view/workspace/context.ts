/**
 * What every view of the workspace is given, and what it may ask to change: one range, one moment, one filter, one
 * selection and one way to colour, shared by all of them.
 */
import type { ByteUnit } from '../../base/units.ts';
import type { Axis, DeviceView, GroupBy, IterationsView } from '../../engine/protocol.ts';
import type { Span } from '../parts/viewport.ts';
import type { StackChoice } from './stack-choice.ts';

export const VIEWS = [
  { id: 'overview', label: 'Answer' },
  { id: 'allocations', label: 'Allocations' },
  { id: 'map', label: 'Address map' },
  { id: 'stacks', label: 'Stacks' },
  { id: 'events', label: 'Events' },
  { id: 'settings', label: 'Settings' },
  { id: 'compare', label: 'Compare' },
] as const;
export type ViewId = (typeof VIEWS)[number]['id'];

/** The one thing that is pinned. */
export type Selected =
  | { readonly kind: 'life'; readonly life: number }
  | { readonly kind: 'stack'; readonly node: number }
  | { readonly kind: 'segment'; readonly address: string }
  | { readonly kind: 'event'; readonly row: number };

export interface ViewContext {
  readonly device: DeviceView;
  readonly unit: ByteUnit;
  readonly dark: boolean;
  readonly axis: Axis;
  /** What the timeline shows: ns from base, or rows. */
  readonly span: Span;
  /** The range that is chosen; null: the whole recording. */
  readonly range: Span | null;
  /** Row of the moment that is looked at; null: none, and a view takes the end or the peak and says so. */
  readonly moment: number | null;
  /** Typed filter (docs/views.md); '' lets everything pass. */
  readonly filter: string;
  readonly selected: Selected | null;
  readonly colour: GroupBy;
  readonly iterations: IterationsView | null;
  /** How stacks are looked at; absent: the view of stacks keeps it. */
  readonly stacks?: StackChoice | undefined;
}

/** Detail of a `workspace-change` event: what a view wants to be otherwise. Bubbles, composed. */
export type WorkspaceChange = Partial<
  Pick<ViewContext, 'axis' | 'span' | 'range' | 'moment' | 'filter' | 'selected' | 'colour' | 'stacks'>
> & { readonly view?: ViewId };
