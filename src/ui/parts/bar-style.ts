/** A bar in a row of a table or list: what it is a share of, and the share. Each element says how high it is. */
import { css } from 'lit';

export const barStyle = css`
  .bar {
    position: relative;
    background: var(--sunken);
    border-radius: 2px;
    overflow: hidden;
  }
  .bar span {
    position: absolute;
    top: 0;
    bottom: 0;
    min-width: 1px;
    background: var(--accent);
  }
`;
