/** How the parts that tell of a server stand on a page: sections with room between them, words above their tables. */
import { css } from 'lit';

export const servingStyle = css`
  :host {
    display: block;
    padding: 14px 16px 16px;
  }
  :host(.below) {
    margin-bottom: 16px;
  }
  section + section,
  section + vs-serving-given {
    display: block;
    margin-top: 18px;
    padding-top: 14px;
    border-top: 1px solid var(--line);
  }
  h2 + section {
    margin-top: 8px;
  }
  .words {
    max-width: 100ch;
    margin: 2px 0;
    font-size: 13px;
  }
  h3 + vs-table,
  .words + vs-table {
    display: block;
    margin-top: 8px;
  }
  vs-table.narrow {
    max-width: 640px;
  }
`;
