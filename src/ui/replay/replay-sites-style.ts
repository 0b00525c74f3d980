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
  td label {
    display: inline-flex;
    align-items: center;
    gap: 8px;
    cursor: pointer;
  }
  tr.ticked td {
    background: var(--accent-soft);
  }
`;
