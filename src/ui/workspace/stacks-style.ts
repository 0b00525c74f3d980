/** How the view of stacks looks: a bar, two lines of words of fixed height, the picture in what is left. */
import { css } from 'lit';

export const stacksStyle = css`
  :host {
    display: flex;
    flex-direction: column;
    height: 100%;
    min-height: 0;
    background: var(--panel);
  }
  .bar {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 6px 10px;
    padding: 8px 12px;
    font-size: 13px;
  }
  .said {
    padding: 0 12px 6px;
    font-size: 13px;
  }
  .said p {
    min-height: 1.45em;
    overflow: hidden;
    text-overflow: ellipsis;
    white-space: nowrap;
  }
  .node {
    color: var(--text-quiet);
  }
  .actions {
    display: flex;
    gap: 12px;
  }
  .picture {
    display: flex;
    flex: 1 1 0;
    min-height: 80px;
    border-top: 1px solid var(--line);
  }
  .plot,
  vs-stack-graph,
  vs-stack-table {
    flex: 1;
    min-width: 0;
  }
  .plot {
    display: flex;
  }
  .plot:focus-visible {
    outline-offset: -2px;
  }
  vs-stack-line {
    flex: 1;
  }
  .none {
    flex: 1;
    padding: 24px 16px;
  }
  .recipe {
    flex: none;
    max-height: 40%;
    padding: 8px 12px;
    overflow: auto;
    border-top: 1px solid var(--line);
    font-size: 13px;
  }
  pre {
    margin: 6px 0 0;
    padding: 8px 10px;
    overflow: auto;
    background: var(--sunken);
    border-radius: 4px;
  }
  .legend {
    display: flex;
    flex-wrap: wrap;
    gap: 2px 14px;
    padding: 4px 12px;
    color: var(--text-quiet);
    font-size: 12px;
    border-top: 1px solid var(--line);
  }
  .legend i {
    display: inline-block;
    width: 12px;
    height: 12px;
    margin-right: 5px;
    border: 1px solid var(--line-strong);
    vertical-align: -2px;
  }
  .legend i.hatched {
    background-image: repeating-linear-gradient(
      -45deg,
      transparent 0 3px,
      color-mix(in srgb, var(--text) 35%, transparent) 3px 4px
    );
  }
`;

export const barStyle = css`
  :host {
    display: block;
  }
  .bar {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 6px 10px;
    padding: 8px 12px;
    font-size: 13px;
  }
  .bar > details {
    position: relative;
  }
  .rules {
    position: absolute;
    z-index: 5;
    top: 26px;
    left: 0;
    display: grid;
    gap: 6px;
    width: min(420px, 88vw);
    max-height: 60vh;
    padding: 12px;
    overflow: auto;
    background: var(--panel);
    border: 1px solid var(--line-strong);
    border-radius: 6px;
    box-shadow: 0 4px 16px rgb(0 0 0 / 20%);
  }
  .rules ul {
    padding-left: 16px;
    color: var(--text-quiet);
    font-size: 12px;
  }
  textarea,
  input[type='search'] {
    font: inherit;
    color: inherit;
    background: var(--panel);
    border: 1px solid var(--line-strong);
    border-radius: 4px;
  }
  textarea {
    width: 100%;
    font-family: var(--mono);
    font-size: 12px;
  }
  input[type='search'] {
    width: 180px;
    height: 28px;
    padding: 0 8px;
  }
  .search {
    display: inline-flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 4px 8px;
  }
`;
