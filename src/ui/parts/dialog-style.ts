/** What every sheet over the page looks like; each says how wide it is. */
import { css } from 'lit';

export const dialogStyle = css`
  dialog {
    padding: 20px 24px;
    color: var(--text);
    background: var(--panel);
    border: 1px solid var(--line-strong);
    border-radius: 6px;
  }
  dialog::backdrop {
    background: rgb(0 0 0 / 40%);
  }
`;
