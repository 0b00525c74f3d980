/**
 * Every colour of the page, for the light and the dark theme. Curves keep their colour wherever they are
 * drawn. The hues are those of Okabe and Ito, moved in lightness until each stands at 3:1 or more against
 * its background (test/view/parts/palette.test.ts measures it).
 */
export interface Shade {
  readonly light: string;
  readonly dark: string;
}

const shade = (light: string, dark: string): Shade => ({ light, dark });

/** Names become CSS custom properties: `--text`, `--line`, ... */
export const SURFACE = {
  page: shade('#f4f5f6', '#101214'),
  panel: shade('#ffffff', '#181b1e'),
  sunken: shade('#eceef0', '#0b0d0e'),
  line: shade('#d5d9dd', '#2e3338'),
  'line-strong': shade('#8a929a', '#6b747d'),
  text: shade('#1a1d20', '#e4e7ea'),
  'text-quiet': shade('#545c64', '#a3abb3'),
  accent: shade('#0b5fb0', '#6cb4f5'),
  'accent-soft': shade('#dcebf9', '#1c3247'),
  'on-accent': shade('#ffffff', '#0b1620'),
  warn: shade('#8a4b00', '#f0b35c'),
  'warn-soft': shade('#fdf1de', '#33260f'),
  bad: shade('#b3261e', '#ff8f85'),
  'bad-soft': shade('#fce8e6', '#3a1917'),
} as const satisfies Readonly<Record<string, Shade>>;

/** Curve colours in the order in which unnamed curves take them. */
export const CURVES = {
  blue: shade('#0072b2', '#56b4e9'),
  orange: shade('#c2500a', '#f28e4b'),
  green: shade('#007d5c', '#2ec499'),
  purple: shade('#9b3d86', '#df8fc8'),
  gold: shade('#8a6d00', '#e2c545'),
  grey: shade('#5c646c', '#a9b1b9'),
  ink: shade('#1a1d20', '#e4e7ea'),
  red: shade('#b3261e', '#ff8f85'),
  cyan: shade('#00788a', '#4fd0de'),
  brown: shade('#7a4a21', '#c99a6b'),
  violet: shade('#5b4fc4', '#a79cf7'),
  olive: shade('#5f7500', '#a8c23a'),
} as const satisfies Readonly<Record<string, Shade>>;

export type CurveColor = keyof typeof CURVES;

const NAMED: Readonly<Record<string, CurveColor>> = {
  requested: 'blue',
  allocated: 'green',
  active: 'purple',
  allocated_floor: 'green',
  active_floor: 'purple',
  reserved: 'orange',
  segments: 'grey',
  unused: 'orange',
  inactive_split: 'gold',
  largest_free: 'blue',
  free_blocks: 'purple',
  releasable: 'green',
  rounding: 'cyan',
  pending: 'purple',
  inactive_pages: 'brown',
  private_idle: 'grey',
  largest_gap: 'blue',
  gaps: 'purple',
  device: 'blue',
  managed: 'orange',
  pinned: 'green',
  static: 'gold',
  pageable: 'ink',
  unknown: 'grey',
};

/** One colour a curve: its own where it has one, else the next that no curve before it took. */
export function curveColors(ids: readonly string[]): Map<string, CurveColor> {
  const order = Object.keys(CURVES) as CurveColor[];
  const colors = new Map<string, CurveColor>();
  const taken = new Set<CurveColor>(ids.flatMap((id) => NAMED[id] ?? []));
  let next = 0;
  for (const id of ids) {
    const named = NAMED[id];
    if (named !== undefined) {
      colors.set(id, named);
      continue;
    }
    const free = order.find((color) => !taken.has(color)) ?? order[next++ % order.length];
    taken.add(free);
    colors.set(id, free);
  }
  return colors;
}
