/** Style of the address map: it fills its place, and nothing in it moves when answers come. */
import { css } from 'lit';

export const addressMapStyle = css`
  :host {
    display: flex;
    flex-direction: column;
    gap: 6px;
    box-sizing: border-box;
    padding: 8px 12px;
    height: 100%;
    min-height: 0;
    overflow: hidden;
    container-type: size;
    font-size: 13px;
  }
  h2 {
    font-size: 13px;
  }
  .bar {
    display: flex;
    flex: none;
    flex-wrap: wrap;
    align-items: center;
    gap: 6px 10px;
  }
  .bar .event {
    flex: 1 1 260px;
    min-width: 0;
    overflow: hidden;
    white-space: nowrap;
    text-overflow: ellipsis;
  }
  .totals {
    flex: none;
    min-height: 1.45em;
    overflow: hidden;
    white-space: nowrap;
    text-overflow: ellipsis;
  }
  .body {
    display: flex;
    flex: 1 1 0;
    gap: 12px;
    min-height: 60px;
  }
  .scroller {
    position: relative;
    flex: 1 1 0;
    min-width: 0;
    overflow: hidden auto;
    background: var(--sunken);
    border: 1px solid var(--line);
    border-radius: 2px;
  }
  .space {
    position: relative;
    padding: 0;
  }
  canvas {
    position: sticky;
    top: 0;
    display: block;
    cursor: crosshair;
    outline-offset: -3px;
  }
  .kinds {
    padding: 8px;
  }
  .kinds li {
    display: flex;
    gap: 10px;
    align-items: baseline;
    padding: 2px 0;
  }
  .kinds ul,
  aside ul {
    list-style: none;
  }
  aside {
    flex: 0 0 270px;
    overflow: auto;
    padding-right: 4px;
  }
  aside p {
    margin-bottom: 4px;
    overflow-wrap: anywhere;
  }
  aside h2 {
    margin: 6px 0 2px;
  }
  aside h2:first-child {
    margin-top: 0;
  }
  .legend li,
  .pins li {
    display: flex;
    gap: 6px;
    align-items: baseline;
    padding: 1px 0;
    overflow-wrap: anywhere;
  }
  .swatch {
    flex: none;
    width: 18px;
    height: 11px;
    border: 1px solid transparent;
    transform: translateY(1px);
  }
  .swatch.rounding {
    background: repeating-linear-gradient(45deg, transparent 0 2px, var(--text) 2px 3px);
  }
  .swatch.pending {
    background: radial-gradient(circle, var(--text) 1px, transparent 1.2px) 0 0 / 5px 5px;
  }
  .swatch.pinned {
    border-color: var(--text-quiet);
  }
  .swatch.releasable {
    background: repeating-linear-gradient(135deg, transparent 0 3px, var(--text-quiet) 3px 4px);
  }
  .swatch.idle {
    background:
      repeating-linear-gradient(45deg, transparent 0 3px, var(--text-quiet) 3px 4px),
      repeating-linear-gradient(135deg, transparent 0 3px, var(--text-quiet) 3px 4px);
  }
  .pins button {
    text-align: left;
    white-space: normal;
  }
  .hover {
    flex: none;
    min-height: 1.45em;
    overflow: hidden;
    white-space: nowrap;
    text-overflow: ellipsis;
    color: var(--text-quiet);
  }
  vs-free-memory {
    flex: 0 0 190px;
  }
  .empty {
    padding: 16px;
    max-width: 640px;
  }
  .empty pre {
    margin: 8px 0;
    overflow-x: auto;
  }
  @container (height < 460px) {
    vs-free-memory {
      display: none;
    }
  }
  @container (width < 720px) {
    aside {
      display: none;
    }
  }
`;
