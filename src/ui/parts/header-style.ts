/** The header of a panel: what it is, and at its end what can be chosen; below each other where there is no room. */
import { css } from 'lit';

export const headerStyle = css`
  header {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    justify-content: space-between;
    gap: 8px 16px;
  }
`;
