/** What the page remembers between visits. Storage may be absent or throw (sandboxed frames): then nothing is kept. */
import type { GpuMode } from '../../engine/protocol.ts';
import type { ByteUnit } from '../../base/units.ts';

export type WheelChoice = 'scrolls' | 'zooms';
export type ThemeChoice = 'auto' | 'light' | 'dark';

export interface Settings {
  readonly theme: ThemeChoice;
  readonly unit: ByteUnit;
  /** What a plain wheel does over a chart. */
  readonly wheel: WheelChoice;
}

const KEY = 'vramscope.settings';

export function loadSettings(): Settings {
  const settings: { -readonly [Name in keyof Settings]: Settings[Name] } = {
    theme: 'auto',
    unit: 'binary',
    wheel: 'scrolls',
  };
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(KEY) ?? 'null');
    if (typeof stored !== 'object' || stored === null) return settings;
    const { theme, unit, wheel } = stored as { theme?: unknown; unit?: unknown; wheel?: unknown };
    if (theme === 'light' || theme === 'dark') settings.theme = theme;
    if (unit === 'decimal') settings.unit = unit;
    if (wheel === 'zooms') settings.wheel = wheel;
  } catch {
    // No storage, or not ours: the defaults stand.
  }
  return settings;
}

export function saveSettings(settings: Settings): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(settings));
  } catch {
    // No storage: the choice lasts as long as the page.
  }
}

/** CPU or GPU, as the address says: `?gpu=on`, `?gpu=off`. */
export function gpuMode(): GpuMode {
  const asked = new URLSearchParams(location.search).get('gpu');
  return asked === 'on' || asked === 'off' ? asked : 'auto';
}
