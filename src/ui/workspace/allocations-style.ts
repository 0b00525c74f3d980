/** What the view of all allocations looks like. */
import { css } from 'lit';
import { AXIS_LEFT } from '../../view/parts/curves.ts';

export const PLOT_RIGHT = 20;
export const PLOT_TOP = 10;
export const AXIS_BOTTOM = 24;

export const allocationsStyle = css`
  :host {
    display: flex;
    flex-direction: column;
    height: 100%;
    min-height: 220px;
    font-size: 13px;
  }
  header {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 6px 14px;
    padding: 8px 12px 0;
  }
  header label {
    display: inline-flex;
    align-items: center;
    gap: 6px;
  }
  .space {
    flex: 1;
  }
  ul {
    display: flex;
    flex-wrap: wrap;
    gap: 2px 4px;
    height: 58px;
    overflow-y: auto;
    padding: 6px 8px;
    list-style: none;
  }
  ul button {
    display: inline-flex;
    align-items: center;
    gap: 6px;
    max-width: 320px;
    height: 22px;
    padding: 0 6px;
    border-color: transparent;
    background: none;
    font-size: 12px;
  }
  ul button .name {
    overflow: hidden;
    text-overflow: ellipsis;
  }
  ul button:disabled {
    color: inherit;
  }
  .swatch {
    flex: none;
    width: 12px;
    height: 12px;
    border-radius: 2px;
  }
  .line {
    flex: none;
    width: 14px;
    border-top: 2px solid;
  }
  .line.dashed {
    border-top-style: dashed;
  }
  .chart {
    position: relative;
    flex: 1;
    min-height: 120px;
  }
  .plot {
    position: absolute;
    inset: ${PLOT_TOP}px ${PLOT_RIGHT}px ${AXIS_BOTTOM}px ${AXIS_LEFT}px;
    background: var(--sunken);
    cursor: crosshair;
    touch-action: pan-y;
  }
  .one .plot {
    right: auto;
    width: 160px;
  }
  canvas {
    display: block;
    width: 100%;
    height: 100%;
  }
  .bytes {
    position: absolute;
    left: 0;
    top: ${PLOT_TOP}px;
    bottom: ${AXIS_BOTTOM}px;
    width: ${AXIS_LEFT}px;
    cursor: ns-resize;
    touch-action: none;
  }
  .tick {
    position: absolute;
    font-size: 11px;
    color: var(--text-quiet);
    white-space: nowrap;
    pointer-events: none;
  }
  .bytes .tick {
    right: 8px;
    transform: translateY(50%);
  }
  .moments .tick {
    bottom: 4px;
    transform: translateX(-50%);
  }
  .tip {
    position: absolute;
    z-index: 2;
    max-width: 420px;
    padding: 6px 10px;
    border: 1px solid var(--line-strong);
    border-radius: 4px;
    background: var(--panel);
    font-size: 12px;
    overflow-wrap: anywhere;
    pointer-events: none;
  }
  .tip strong {
    font-weight: 600;
  }
  footer {
    display: flex;
    flex-wrap: wrap;
    gap: 2px 14px;
    padding: 2px 12px 8px;
    font-size: 12px;
    color: var(--text-quiet);
  }
  .none {
    padding: 16px;
  }
`;
