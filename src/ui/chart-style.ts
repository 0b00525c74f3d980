/** What every element that holds a chart looks like around it. */
import { css } from 'lit';

export const chartStyle = css`
  :host {
    display: block;
  }
  header {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    justify-content: space-between;
    gap: 8px 16px;
    padding: 10px 16px 0;
  }
`;
