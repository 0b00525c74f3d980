/**
 * Colours, type and the few controls that every element shares. Colours come from view/parts/palette.ts and follow
 * the `color-scheme` of <vram-scope>: `light-dark()` picks the shade, so no element asks which theme it is.
 */
import { css, unsafeCSS } from 'lit';
import { WHEEL_PROPERTY } from './chart-pointer.ts';
import { CURVES, SURFACE } from '../../view/parts/palette.ts';

const variables = (
  prefix: string,
  shades: Readonly<Record<string, { light: string; dark: string }>>,
): string =>
  Object.entries(shades)
    .map(([name, { light, dark }]) => `--${prefix}${name}: light-dark(${light}, ${dark});`)
    .join('\n');

/** Only for <vram-scope>: everything below inherits. */
export const theme = css`
  :host {
    ${unsafeCSS(variables('', SURFACE))}
    ${unsafeCSS(variables('curve-', CURVES))}
    --mono: ui-monospace, 'SF Mono', 'Cascadia Mono', 'Segoe UI Mono', 'Liberation Mono', Menlo, Consolas, monospace;
    color-scheme: light dark;
    color: var(--text);
    background: var(--page);
    font:
      14px/1.45 system-ui,
      -apple-system,
      'Segoe UI',
      Roboto,
      'Helvetica Neue',
      Arial,
      sans-serif;
    font-variant-numeric: tabular-nums;
  }
  :host([wheel='zooms']) {
    ${unsafeCSS(WHEEL_PROPERTY)}: zooms;
  }
  :host([theme='light']) {
    color-scheme: light;
  }
  :host([theme='dark']) {
    color-scheme: dark;
  }
`;

export const controls = css`
  *,
  *::before,
  *::after {
    box-sizing: border-box;
  }
  [hidden] {
    display: none !important;
  }
  h1,
  h2,
  h3,
  p,
  ul,
  dl,
  dd,
  figure {
    margin: 0;
    padding: 0;
  }
  h2 {
    font-size: 15px;
    font-weight: 600;
  }
  h3 {
    font-size: 13px;
    font-weight: 600;
  }
  button,
  select,
  summary {
    font: inherit;
    color: inherit;
  }
  button,
  select {
    height: 28px;
    padding: 0 10px;
    border: 1px solid var(--line-strong);
    border-radius: 4px;
    background: var(--panel);
    white-space: nowrap;
    cursor: pointer;
  }
  button:hover:not(:disabled),
  select:hover {
    border-color: var(--text-quiet);
    background: var(--sunken);
  }
  button:disabled {
    color: var(--text-quiet);
    border-color: var(--line);
    cursor: default;
  }
  summary {
    width: fit-content;
    color: var(--text-quiet);
    cursor: pointer;
  }
  summary:where(:hover) {
    color: var(--text);
  }
  button.primary {
    color: var(--on-accent);
    background: var(--accent);
    border-color: var(--accent);
    font-weight: 600;
  }
  button.primary:hover:not(:disabled) {
    background: color-mix(in srgb, var(--accent) 88%, var(--text));
  }
  button.link {
    height: auto;
    padding: 0;
    border: 0;
    background: none;
    color: var(--accent);
    text-decoration: underline;
    /* Below the underscores of a name of code, which lie where underlines do. */
    text-underline-offset: 0.3em;
    text-decoration-thickness: 1px;
    font-variant-numeric: inherit;
  }
  button.link:hover:not(:disabled) {
    background: none;
  }
  button[aria-pressed='true'],
  button[aria-pressed='true']:hover:not(:disabled) {
    color: var(--accent);
    border-color: var(--accent);
    background: var(--accent-soft);
  }
  :focus-visible {
    outline: 2px solid var(--accent);
    outline-offset: 1px;
  }
  .group {
    display: inline-flex;
  }
  .group > button {
    border-radius: 0;
    margin-left: -1px;
    position: relative;
  }
  .group > button[aria-pressed='true'],
  .group > button:focus-visible {
    z-index: 1;
  }
  .group > button:first-child {
    border-radius: 4px 0 0 4px;
    margin-left: 0;
  }
  .group > button:last-child {
    border-radius: 0 4px 4px 0;
  }
  .quiet {
    color: var(--text-quiet);
  }
  .mono,
  pre,
  code {
    font-family: var(--mono);
    font-size: 12px;
  }
  .panel {
    background: var(--panel);
    border: 1px solid var(--line);
    border-radius: 6px;
  }
  .visually-hidden {
    position: absolute;
    width: 1px;
    height: 1px;
    overflow: hidden;
    clip-path: inset(50%);
    white-space: nowrap;
  }
`;

/** For a page that is nothing but the element. */
export function pageSheet(): CSSStyleSheet {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync('html, body { margin: 0; height: 100%; } vram-scope { min-height: 100%; }');
  return sheet;
}
