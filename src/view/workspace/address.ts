/**
 * The state of a view as the fragment of an address, and back. Version 1 (docs/views.md):
 *
 *   #1;src=serve.pickle;gpu=0;view=stacks;axis=time;span=0..5200;range=10..20;e=139440;sel=life:12;q=frame%3Akv;by=line;unit=decimal
 *
 * Fields that are not known here are kept and named: a newer page wrote them. Times are nanoseconds from the start.
 */
import type { GroupBy } from '../../engine/protocol.ts';
import type { Axis } from '../../engine/protocol.ts';
import type { Span } from '../parts/viewport.ts';
import { type Selected, type ViewId, VIEWS } from './context.ts';

export const ADDRESS_VERSION = 1;

export interface ViewAddress {
  /** File that it is about; null: none named. */
  readonly file: string | null;
  /** Number of the device; null: the file's first. */
  readonly device: number | null;
  readonly view: ViewId;
  readonly axis: Axis | null;
  /** null: the whole recording. */
  readonly span: Span | null;
  readonly range: Span | null;
  readonly moment: number | null;
  readonly selected: Selected | null;
  readonly filter: string;
  readonly colour: GroupBy | null;
  readonly unit: 'binary' | 'decimal' | null;
  /** Fields of another version, as they stand. */
  readonly unknown: readonly (readonly [string, string])[];
}

export const NO_ADDRESS: ViewAddress = {
  file: null,
  device: null,
  view: 'overview',
  axis: null,
  span: null,
  range: null,
  moment: null,
  selected: null,
  filter: '',
  colour: null,
  unit: null,
  unknown: [],
};

/** What stands for itself in a fragment is left as it is: links are read by people. */
const escaped = (text: string): string =>
  encodeURIComponent(text).replace(/%(2F|3A|40|2C|20)/g, (code) =>
    code === '%20' ? '+' : decodeURIComponent(code),
  );
function unescaped(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return text;
  }
}

const spanText = ({ from, to }: Span): string => `${from}..${to}`;
function spanOf(text: string): Span | null {
  const [from, to] = text.split('..').map(Number);
  return Number.isFinite(from) && Number.isFinite(to) && from < to ? { from, to } : null;
}

function selectedText(selected: Selected): string {
  switch (selected.kind) {
    case 'life':
      return `life:${selected.life}`;
    case 'stack':
      return `stack:${selected.node}`;
    case 'segment':
      return `segment:${selected.address}`;
    case 'event':
      return `event:${selected.row}`;
  }
}

const whole = (text: string): number | null => (/^\d{1,15}$/.test(text) ? Number(text) : null);

function selectedOf(text: string): Selected | null {
  const [kind, value = ''] = text.split(':');
  const number = whole(value);
  if (kind === 'segment' && /^0x[0-9a-f]{1,16}$/.test(value)) return { kind, address: value };
  if (number === null) return null;
  if (kind === 'life') return { kind, life: number };
  if (kind === 'stack') return { kind, node: number };
  return kind === 'event' ? { kind, row: number } : null;
}

/** "#1;src=...": begins with "#". */
export function addressText(address: ViewAddress): string {
  const fields: [string, string][] = [];
  const add = (name: string, value: string | number | null): void => {
    if (value !== null && value !== '') fields.push([name, escaped(String(value))]);
  };
  add('src', address.file);
  add('gpu', address.device);
  add('view', address.view);
  add('axis', address.axis);
  add('span', address.span === null ? null : spanText(address.span));
  add('range', address.range === null ? null : spanText(address.range));
  add('e', address.moment);
  add('sel', address.selected === null ? null : selectedText(address.selected));
  add('q', address.filter);
  add('by', address.colour);
  add('unit', address.unit);
  const all = [...fields, ...address.unknown];
  return `#${ADDRESS_VERSION}${all.map(([name, value]) => `;${name}=${value}`).join('')}`;
}

const GROUPS: readonly GroupBy[] = ['line', 'stream', 'pool', 'size', 'lifetime'];
const oneOf = <Name extends string>(names: readonly Name[], text: string): Name | null =>
  names.find((name) => name === text) ?? null;

/** null: the fragment is none of ours (no version). What a field holds that cannot be is left out. */
export function addressOf(hash: string): ViewAddress | null {
  const [version, ...fields] = hash.replace(/^#/, '').split(';');
  if (!/^\d{1,4}$/.test(version)) return null;
  const found: { -readonly [Key in keyof ViewAddress]: ViewAddress[Key] } = { ...NO_ADDRESS };
  const unknown: [string, string][] = [];
  for (const field of fields) {
    const at = field.indexOf('=');
    if (at < 0) continue;
    const [name, raw] = [field.slice(0, at), field.slice(at + 1)];
    const value = unescaped(raw);
    if (name === 'src') found.file = value;
    else if (name === 'gpu') found.device = /^-?\d+$/.test(value) ? Number(value) : null;
    else if (name === 'view')
      found.view =
        oneOf(
          VIEWS.map(({ id }) => id),
          value,
        ) ?? 'overview';
    else if (name === 'axis') found.axis = oneOf(['time', 'event'], value);
    else if (name === 'span') found.span = spanOf(value);
    else if (name === 'range') found.range = spanOf(value);
    else if (name === 'e') found.moment = whole(value);
    else if (name === 'sel') found.selected = selectedOf(value);
    else if (name === 'q') found.filter = value;
    else if (name === 'by') found.colour = oneOf(GROUPS, value);
    else if (name === 'unit') found.unit = oneOf(['binary', 'decimal'], value);
    else unknown.push([name, raw]);
  }
  return { ...found, unknown };
}
