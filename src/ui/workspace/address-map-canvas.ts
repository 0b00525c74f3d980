/**
 * Paints the address map: live blocks in the colour of their group, rounding hatched, blocks that wait dotted, free ones
 * outlined where pinned and striped where they can go back. A block below a pixel adds its share of the pixel's colour.
 */
import type { AddressMapAnswer } from '../../engine/protocol.ts';
import { SURFACE } from '../../view/parts/palette.ts';
import {
  blockOf,
  firstBoxFrom,
  LINE_HEIGHT,
  type MapBox,
  type MapLayout,
} from '../../view/workspace/address-map.ts';
import { groupHex } from '../../view/workspace/group-colours.ts';

export interface MapPaint {
  readonly answer: AddressMapAnswer;
  readonly layout: MapLayout;
  readonly dark: boolean;
  readonly width: number;
  readonly height: number;
  readonly scroll: number;
  /** Block under the pointer, block that is pinned, segment that is: rows of their columns; null: none. */
  readonly hovered: number | null;
  readonly pinned: number | null;
  readonly segment: number | null;
}

const PENDING = 1;
const PINNED = 2;
const IDLE = 4;

type Pattern = 'hatch' | 'stripes' | 'dots' | 'cross';

function patternOf(
  context: CanvasRenderingContext2D,
  kind: Pattern,
  colour: string,
  ratio: number,
): CanvasPattern {
  const size = 6;
  const tile = document.createElement('canvas');
  tile.width = tile.height = size * ratio;
  const brush = tile.getContext('2d')!;
  brush.scale(ratio, ratio);
  brush.strokeStyle = brush.fillStyle = colour;
  brush.lineWidth = 1.2;
  const line = (x0: number, y0: number, x1: number, y1: number): void => {
    brush.beginPath();
    brush.moveTo(x0, y0);
    brush.lineTo(x1, y1);
    brush.stroke();
  };
  if (kind === 'dots') brush.fillRect(2, 2, 2, 2);
  if (kind === 'hatch' || kind === 'cross')
    for (const at of [-size, 0, size]) line(at - 1, -1, at + size + 1, size + 1);
  if (kind === 'stripes' || kind === 'cross')
    for (const at of [0, size, 2 * size]) line(at + 1, -1, at - size - 1, size + 1);
  const pattern = context.createPattern(tile, 'repeat')!;
  pattern.setTransform(new DOMMatrix().scale(1 / ratio));
  return pattern;
}

export function paintMap(canvas: HTMLCanvasElement, paint: MapPaint): void {
  const { answer, layout, dark, width, height, scroll } = paint;
  const ratio = window.devicePixelRatio || 1;
  const [across, down] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== across || canvas.height !== down) [canvas.width, canvas.height] = [across, down];
  const context = canvas.getContext('2d')!;
  context.setTransform(ratio, 0, 0, ratio, 0, -scroll * ratio);
  context.clearRect(0, scroll, width, height);
  const theme = dark ? 'dark' : 'light';
  const shade = (name: keyof typeof SURFACE): string => SURFACE[name][theme];
  const patterns = new Map<string, CanvasPattern>();
  const pattern = (kind: Pattern, colour: string): CanvasPattern => {
    const key = `${kind} ${colour}`;
    let known = patterns.get(key);
    if (known === undefined) patterns.set(key, (known = patternOf(context, kind, colour, ratio)));
    return known;
  };
  const groups = answer.colours.names.length;
  const colours = answer.colours.names.map((_, group) =>
    groupHex(group, groups, answer.colours.hasRest, dark),
  );

  context.font = '12px system-ui, sans-serif';
  context.fillStyle = shade('text-quiet');
  context.textBaseline = 'middle';
  for (const { y, text } of layout.headings)
    if (y + 22 > scroll && y < scroll + height) context.fillText(text, 0, y + 11, width);

  for (let at = firstBoxFrom(layout, scroll); at < layout.boxes.length; at++) {
    const box = layout.boxes[at];
    if (box.y > scroll + height) break;
    paintBox(box);
  }

  function paintBox(box: MapBox): void {
    const { segments, blocks } = answer;
    context.fillStyle = shade('panel');
    context.fillRect(box.x, box.y, box.width, LINE_HEIGHT);
    const scale = box.width / (box.to - box.from);
    const start = segments.address[box.segment] + box.from;
    const end = segments.address[box.segment] + box.to;
    const last = segments.blockStart[box.segment + 1];
    for (
      let block = blockOf(answer, box.segment, box.from);
      block < last && blocks.address[block] < end;
      block++
    ) {
      const from = Math.max(blocks.address[block], start);
      const to = Math.min(blocks.address[block] + blocks.size[block], end);
      if (to <= from) continue;
      paintBlock(block, box.x + (from - start) * scale, (to - from) * scale, box, start, scale);
    }
    context.strokeStyle = shade(box.segment === paint.segment ? 'accent' : 'line-strong');
    context.lineWidth = box.segment === paint.segment ? 2 : 1;
    context.strokeRect(box.x + 0.5, box.y + 0.5, Math.max(0, box.width - 1), LINE_HEIGHT - 1);
  }

  function paintBlock(
    block: number,
    x: number,
    wide: number,
    box: MapBox,
    start: number,
    scale: number,
  ): void {
    const { blocks } = answer;
    const { y } = box;
    const state = blocks.state[block];
    const fill = (style: string | CanvasPattern, left: number, right: number): void => {
      context.fillStyle = style;
      context.fillRect(left, y + 1, right - left, LINE_HEIGHT - 2);
    };
    if (blocks.life[block] >= 0) {
      const colour = colours[blocks.group[block]];
      context.globalAlpha = blocks.passes[block] === 0 ? 0.2 : 1;
      // Requested solid, what the block is larger than that hatched.
      const asked = box.x + (blocks.address[block] + blocks.requested[block] - start) * scale;
      const solid = Math.min(x + wide, Math.max(x, asked));
      if (state === PENDING) {
        context.globalAlpha *= 0.35;
        fill(colour, x, x + wide);
        context.globalAlpha /= 0.35;
        if (wide >= 3) fill(pattern('dots', colour), x, x + wide);
      } else {
        if (solid > x) fill(colour, x, solid);
        if (x + wide - solid >= 2) fill(pattern('hatch', colour), solid, x + wide);
        else if (x + wide > solid) {
          context.globalAlpha *= 0.4;
          fill(colour, solid, x + wide);
        }
      }
      context.globalAlpha = 1;
      if (wide >= 4) {
        context.fillStyle = shade('panel');
        context.fillRect(x + wide - 0.5, y + 1, 0.5, LINE_HEIGHT - 2);
      }
    } else if (wide >= 2) {
      const quiet = shade('text-quiet');
      if (state === PINNED) {
        const whole = blocks.whole[block] * scale;
        if (whole >= 2)
          fill(
            pattern('stripes', quiet),
            Math.max(x, x + (wide - whole) / 2),
            Math.min(x + wide, x + (wide + whole) / 2),
          );
        context.strokeStyle = quiet;
        context.lineWidth = 1;
        context.strokeRect(x + 1, y + 2.5, wide - 2, LINE_HEIGHT - 5);
      } else fill(pattern(state === IDLE ? 'cross' : 'stripes', quiet), x, x + wide);
    }
    if (block !== paint.hovered && block !== paint.pinned) return;
    context.strokeStyle = shade(block === paint.pinned ? 'accent' : 'text');
    context.lineWidth = 2;
    context.strokeRect(x, y, Math.max(3, wide), LINE_HEIGHT);
  }
}
