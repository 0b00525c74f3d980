/**
 * Draws the picture of all allocations and what lies over it. The picture itself is painted once an answer; a pan or a
 * zoom whose answer is not there yet moves and stretches what is.
 */
import type { RasterAnswer, TimelineAnswer } from '../../engine/protocol.ts';
import { lineValues } from '../../view/workspace/allocations.ts';
import type { Bytes } from '../../view/workspace/allocations.ts';
import { paintRaster, runsOf } from '../../view/workspace/raster-paint.ts';
import type { Span } from '../../view/parts/viewport.ts';
import { xToPixel } from '../../view/parts/viewport.ts';

/** What is drawn over the picture; colours as CSS has them. */
export interface Overlay {
  readonly span: Span;
  readonly bytes: Bytes;
  readonly curves: TimelineAnswer | null;
  readonly lines: readonly { readonly id: string; readonly colour: string }[];
  /** Bytes of a level line; null: not known or not in the picture. */
  readonly capacity: number | null;
  readonly marked: readonly { readonly life: number; readonly colour: string }[];
  readonly range: Span | null;
  readonly rangeColour: string;
  readonly textColour: string;
}

export class AllocationsDrawing {
  private readonly picture = document.createElement('canvas');
  private painted: { readonly raster: RasterAnswer; readonly dark: boolean } | null = null;

  private paint(raster: RasterAnswer, dark: boolean): void {
    if (this.painted?.raster === raster && this.painted.dark === dark) return;
    this.painted = { raster, dark };
    const width = raster.x.length;
    this.picture.width = width;
    this.picture.height = raster.rows;
    const image = new ImageData(paintRaster(raster, dark), width, raster.rows);
    this.picture.getContext('2d')?.putImageData(image, 0, 0);
  }

  /** `canvas`: sized by who holds it, in device pixels. */
  draw(canvas: HTMLCanvasElement, raster: RasterAnswer, dark: boolean, over: Overlay): void {
    const context = canvas.getContext('2d');
    if (context === null) return;
    const { width, height } = canvas;
    const scale = devicePixelRatio;
    this.paint(raster, dark);
    const x = (at: number): number => xToPixel(at, over.span, width);
    const y = (bytes: number): number =>
      height - ((bytes - over.bytes[0]) / (over.bytes[1] - over.bytes[0])) * height;
    context.clearRect(0, 0, width, height);
    context.imageSmoothingEnabled = false;
    const [left, top] = [x(raster.range.from), y(raster.bytes[1])];
    context.drawImage(this.picture, left, top, x(raster.range.to) - left, y(raster.bytes[0]) - top);
    this.curves(context, over, x, y, scale);
    if (over.capacity !== null) {
      context.strokeStyle = over.textColour;
      context.setLineDash([6 * scale, 4 * scale]);
      context.lineWidth = scale;
      context.strokeRect(-1, y(over.capacity), width + 2, 0);
      context.setLineDash([]);
    }
    for (const { life, colour } of over.marked) this.mark(context, raster, life, colour, x, y, scale);
    if (over.range !== null) {
      context.fillStyle = over.rangeColour;
      const [from, to] = [x(over.range.from), x(over.range.to)];
      context.globalAlpha = 0.18;
      context.fillRect(from, 0, to - from, height);
      context.globalAlpha = 1;
      context.fillRect(from, 0, scale, height);
      context.fillRect(to - scale, 0, scale, height);
    }
  }

  private curves(
    context: CanvasRenderingContext2D,
    { curves, lines }: Overlay,
    x: (at: number) => number,
    y: (bytes: number) => number,
    scale: number,
  ): void {
    if (curves === null) return;
    for (const { id, colour } of lines) {
      const values = lineValues(curves, id);
      if (values === null) continue;
      context.strokeStyle = colour;
      context.lineWidth = scale;
      context.beginPath();
      values.forEach((bytes, i) => {
        const at = y(bytes);
        context.lineTo(x(curves.x[i]), at);
        context.lineTo(x(curves.x[i + 1] ?? curves.range.to), at);
      });
      context.stroke();
    }
  }

  /** The outline of a life, and a tint over it. */
  private mark(
    context: CanvasRenderingContext2D,
    raster: RasterAnswer,
    life: number,
    colour: string,
    x: (at: number) => number,
    y: (bytes: number) => number,
    scale: number,
  ): void {
    const runs = runsOf(raster, life);
    const [from, to] = raster.bytes;
    const bytesAt = (row: number): number => from + (row / raster.rows) * (to - from);
    context.fillStyle = colour;
    for (const run of runs) {
      const left = x(raster.x[run.column]);
      const wide = Math.max(scale, x(raster.x[run.column + 1] ?? raster.range.to) - left);
      const [top, bottom] = [y(bytesAt(run.to)), y(bytesAt(run.from))];
      context.globalAlpha = 0.35;
      context.fillRect(left, top, wide, bottom - top);
      context.globalAlpha = 1;
      context.fillRect(left, top, wide, 2 * scale);
      context.fillRect(left, bottom - 2 * scale, wide, 2 * scale);
    }
    const [first, last] = [runs[0], runs.at(-1)];
    if (first === undefined || last === undefined) return;
    const side = (at: number, run: typeof first): void =>
      context.fillRect(at, y(bytesAt(run.to)), 2 * scale, y(bytesAt(run.from)) - y(bytesAt(run.to)));
    side(x(raster.x[first.column]), first);
    side(x(raster.x[last.column + 1] ?? raster.range.to) - 2 * scale, last);
  }
}
