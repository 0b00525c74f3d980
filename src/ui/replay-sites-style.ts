/** The table of allocation sites with its ticks. */
import { css } from 'lit';

export const sitesStyle = css`
  .all {
    display: grid;
    grid-template-columns: minmax(0, 1fr);
    gap: 12px;
  }
  .most {
    display: inline-flex;
    align-items: center;
    gap: 6px;
    font-size: 13px;
  }
  .most select {
    width: auto;
  }
  .most input {
    width: 7ch;
    text-align: right;
  }
  .scroll {
    overflow-x: auto;
  }
  table {
    width: 100%;
    border-collapse: collapse;
    font-size: 13px;
  }
  th,
  td {
    padding: 4px 0 4px 18px;
    border-bottom: 1px solid var(--line);
    text-align: left;
    white-space: nowrap;
  }
  th:first-child,
  td:first-child {
    padding-left: 0;
  }
  th {
    padding-top: 0;
    font-weight: 500;
    color: var(--text-quiet);
    border-bottom-color: var(--line-strong);
  }
  th button {
    height: 24px;
    padding: 0;
    border: 0;
    background: none;
    font-weight: inherit;
  }
  th button:hover:not(:disabled) {
    background: none;
    color: var(--text);
    text-decoration: underline;
  }
  th[aria-sort] button {
    color: var(--text);
    font-weight: 600;
  }
  .numeric {
    text-align: right;
  }
  .wide {
    width: 100%;
    max-width: 0;
  }
  .wide .text {
    display: block;
    overflow: hidden;
    text-overflow: ellipsis;
  }
  td label {
    display: inline-flex;
    align-items: center;
    gap: 8px;
    cursor: pointer;
  }
  tr.ticked td {
    background: var(--accent-soft);
  }
  .share {
    display: block;
    height: 2px;
    margin-top: 1px;
    margin-left: auto;
    background: var(--accent);
  }
`;
