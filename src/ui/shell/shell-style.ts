/** Layout of the shell: bar, page, status line, drop veil. */
import { css } from 'lit';

export const shellStyle = css`
  :host {
    display: block;
    position: relative;
  }
  .shell {
    display: flex;
    flex-direction: column;
    min-height: 100vh;
  }
  .bar {
    position: sticky;
    top: 0;
    z-index: 5;
    display: flex;
    align-items: center;
    gap: 10px;
    min-height: 45px;
    padding: 0 24px;
    background: var(--panel);
    border-bottom: 1px solid var(--line);
  }
  .product {
    margin-right: 10px;
    font-weight: 700;
    letter-spacing: -0.01em;
  }
  vs-tabs {
    align-self: flex-end;
    margin-bottom: -1px;
  }
  .bar.tall {
    flex-wrap: wrap;
    row-gap: 0;
    padding-top: 7px;
  }
  .bar.tall > vs-tabs {
    order: 1;
    flex: 0 0 100%;
  }
  .bar.tall ~ main {
    --bar-height: 75px;
  }
  .case {
    display: flex;
    flex-wrap: wrap;
    gap: 4px 10px;
    padding: 8px 24px;
    font-size: 13px;
    background: var(--sunken);
    border-bottom: 1px solid var(--line);
  }
  .case .note {
    white-space: pre-wrap;
    overflow-wrap: anywhere;
  }
  .space {
    flex: 1;
  }
  main {
    flex: 1;
  }
  footer {
    position: sticky;
    bottom: 0;
    z-index: 5;
  }
  .failed {
    max-width: 1240px;
    margin: 0 auto;
    padding: 20px 24px;
  }
  .drop {
    position: fixed;
    inset: 0;
    z-index: 10;
    display: grid;
    place-items: center;
    background: color-mix(in srgb, var(--page) 82%, transparent);
    outline: 3px dashed var(--accent);
    outline-offset: -16px;
    pointer-events: none;
  }
  .drop p {
    font-size: 20px;
    font-weight: 600;
  }
  @media (max-width: 900px) {
    .bar {
      flex-wrap: wrap;
      padding: 6px 12px;
    }
  }
`;
