/**
 * A texture beside the colour of a group: whoever cannot tell two colours apart tells stripes from dots.
 * test/view/workspace/group-textures.test.ts holds every pair of groups apart by one of the two, for every eye.
 */
import type { CurveColor } from '../parts/palette.ts';

/** `lines`: of what was made before the recording, whatever its group. */
export type Texture = 'plain' | 'rising' | 'falling' | 'dots' | 'lines';

const OF: Readonly<Record<CurveColor, Texture>> = {
  blue: 'plain',
  orange: 'plain',
  green: 'rising',
  purple: 'rising',
  gold: 'rising',
  cyan: 'falling',
  brown: 'plain',
  violet: 'rising',
  olive: 'falling',
  red: 'dots',
  ink: 'plain',
  grey: 'plain',
};

export const textureOf = (colour: CurveColor): Texture => OF[colour];

/** Pixels after which a texture repeats, both ways. */
export const TEXTURE_PIXELS = 8;

/** Whether the texture shows at a pixel, instead of the colour itself. */
export function isTextured(texture: Texture, x: number, y: number): boolean {
  switch (texture) {
    case 'plain':
      return false;
    case 'rising':
      return ((x + y) & 7) < 2;
    case 'falling':
      return ((x - y) & 7) < 2;
    case 'dots':
      return (x & 3) < 2 && (y & 3) < 2;
    case 'lines':
      return (y & 3) === 0;
  }
}

/** The texture as a background of CSS, over the colour itself. */
export function textureCss(texture: Texture): string {
  const pale = 'color-mix(in srgb, var(--panel) 60%, transparent)';
  switch (texture) {
    case 'plain':
      return 'none';
    case 'rising':
      return `repeating-linear-gradient(135deg, ${pale} 0 1.5px, transparent 1.5px 5px)`;
    case 'falling':
      return `repeating-linear-gradient(45deg, ${pale} 0 1.5px, transparent 1.5px 5px)`;
    case 'dots':
      return `conic-gradient(${pale} 25%, transparent 0) 0 0 / 4px 4px`;
    case 'lines':
      return `repeating-linear-gradient(0deg, ${pale} 0 1px, transparent 1px 4px)`;
  }
}
