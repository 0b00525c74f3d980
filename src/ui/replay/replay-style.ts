/** Fields, figures and words as the parts of the replay panel show them. */
import { css } from 'lit';

export const replayStyle = css`
  :host {
    display: block;
  }
  input[type='text'] {
    width: 100%;
    min-width: 0;
    height: 28px;
    padding: 0 8px;
    font: inherit;
    color: inherit;
    background: var(--panel);
    border: 1px solid var(--line-strong);
    border-radius: 4px;
  }
  input[type='text']::placeholder {
    color: var(--text-quiet);
    opacity: 1;
  }
  input[aria-invalid='true'] {
    border-color: var(--bad);
    background: var(--bad-soft);
  }
  input[type='checkbox'] {
    width: 15px;
    height: 15px;
    margin: 0;
    accent-color: var(--accent);
  }
  input:disabled,
  select:disabled {
    color: var(--text-quiet);
    background: var(--sunken);
    border-color: var(--line);
    cursor: default;
  }
  select {
    width: 100%;
    padding: 0 6px;
  }
  button.primary:disabled {
    color: var(--text-quiet);
    background: var(--sunken);
    border-color: var(--line);
  }
  label .name {
    display: flex;
    justify-content: space-between;
    align-items: baseline;
    gap: 8px;
    margin-bottom: 2px;
    font-size: 12px;
  }
  label .name .quiet {
    font-size: 11px;
  }
  .row {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 8px 12px;
  }
  .words {
    max-width: 92ch;
    font-size: 13px;
  }
  ul.words {
    padding-left: 18px;
  }
  ul.words li + li {
    margin-top: 3px;
  }
  .space {
    flex: 1;
  }
  progress {
    flex: 1;
    min-width: 120px;
    max-width: 320px;
    height: 8px;
    accent-color: var(--accent);
  }
  .verdict {
    padding: 10px 14px;
    background: var(--accent-soft);
    border-left: 3px solid var(--accent);
    border-radius: 4px;
  }
  .verdict.none {
    background: var(--sunken);
    border-left-color: var(--line-strong);
  }
  .verdict.warn {
    background: var(--warn-soft);
    border-left-color: var(--warn);
  }
  .verdict.bad {
    background: var(--bad-soft);
    border-left-color: var(--bad);
  }
`;

/** The table of allocation sites with its ticks. */
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
