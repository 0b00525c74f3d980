/** Looks of <vs-clocks>. */
import { css } from 'lit';

export const clocksStyle = css`
  :host {
    display: block;
  }
  section {
    margin-bottom: 16px;
  }
  summary {
    width: auto;
    padding: 10px 16px;
    color: inherit;
  }
  summary h2 {
    display: inline;
    margin: 0 12px 0 2px;
  }
  summary > span {
    font-size: 13px;
  }
  .scroll {
    overflow-x: auto;
    padding: 2px 16px 0;
    border-top: 1px solid var(--line);
  }
  table {
    width: 100%;
    border-collapse: collapse;
    font-size: 13px;
  }
  th,
  td {
    padding: 6px 0 6px 20px;
    border-bottom: 1px solid var(--line);
    text-align: left;
    vertical-align: top;
    white-space: nowrap;
  }
  th:first-child {
    width: 100%;
    min-width: 30ch;
    padding-left: 0;
    white-space: normal;
    overflow-wrap: anywhere;
  }
  thead th {
    font-weight: 500;
    color: var(--text-quiet);
    border-bottom-color: var(--line-strong);
  }
  tbody th {
    font-weight: 600;
  }
  .sentence {
    display: block;
    max-width: 90ch;
    margin-top: 1px;
    font-weight: 400;
  }
  .below {
    display: block;
  }
  .unknown,
  .hand {
    font-weight: 600;
  }
  form {
    display: flex;
    flex-wrap: wrap;
    gap: 4px 6px;
    min-width: 196px;
  }
  input {
    width: 138px;
    height: 28px;
    padding: 0 8px;
    border: 1px solid var(--line-strong);
    border-radius: 4px;
    color: inherit;
    background: var(--panel);
    font: inherit;
  }
  input::placeholder {
    color: var(--text-quiet);
    opacity: 1;
  }
  input[aria-invalid='true'] {
    border-color: var(--bad);
  }
  .error {
    max-width: 34ch;
    margin-top: 4px;
    color: var(--bad);
    white-space: normal;
  }
  .hint {
    padding: 6px 16px 8px;
    font-size: 13px;
  }
  .compared {
    display: flex;
    align-items: center;
    gap: 6px;
    padding: 9px 16px;
    border-top: 1px solid var(--line);
    font-size: 13px;
  }
  ul {
    list-style: none;
  }
  li {
    border-top: 1px solid var(--line);
  }
  .row {
    display: grid;
    grid-template-columns: 92px minmax(0, 1fr);
    padding: 9px 16px;
    font-size: 13px;
  }
  .row h3 {
    font-size: 14px;
    line-height: 20px;
  }
  .row p {
    max-width: 110ch;
    overflow-wrap: anywhere;
  }
  dl {
    display: flex;
    flex-wrap: wrap;
    gap: 2px 24px;
    margin-top: 2px;
  }
  dl > div {
    display: flex;
    gap: 8px;
  }
  dt {
    color: var(--text-quiet);
  }
  .more {
    margin: 2px 16px 10px;
    font-size: 13px;
  }
  .observations {
    border-top: 1px solid var(--line);
    font-size: 13px;
  }
  .observations > summary {
    width: fit-content;
    padding: 8px 16px;
    color: var(--text-quiet);
  }
  .observations > summary:hover {
    color: var(--text);
  }
  @media (max-width: 760px) {
    .row {
      grid-template-columns: minmax(0, 1fr);
    }
  }
`;
