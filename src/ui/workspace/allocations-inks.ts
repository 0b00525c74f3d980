/** Colours of the theme for the picture of allocations: a canvas knows neither properties nor light-dark(). */
export type Inks = Readonly<Record<'accent' | 'text' | 'green' | 'orange', string>>;

/** Worked out once a theme: each costs the browser its styles. */
export class AllocationsInks {
  private known: { readonly dark: boolean; readonly of: Inks } | null = null;

  of(canvas: HTMLCanvasElement, dark: boolean): Inks {
    if (this.known?.dark !== dark) {
      const of = (name: string): string => resolved(canvas, name);
      this.known = {
        dark,
        of: {
          accent: of('--accent'),
          text: of('--text'),
          green: of('--curve-green'),
          orange: of('--curve-orange'),
        },
      };
    }
    return this.known.of;
  }
}

/** The colour of a custom property in the theme that is on. */
function resolved(canvas: HTMLCanvasElement, name: string): string {
  const before = canvas.style.color;
  canvas.style.color = `var(${name})`;
  const { color } = getComputedStyle(canvas);
  canvas.style.color = before;
  return color;
}
