/** What every element that holds a chart looks like around it. */
import { css } from 'lit';
import { headerStyle } from './header-style.ts';

export const chartStyle = css`
  ${headerStyle}
  :host {
    display: block;
  }
  header {
    padding: 10px 16px 0;
  }
`;
