/** Layout of a device's page. */
import { css } from 'lit';

export const deviceStyle = css`
  :host {
    display: block;
  }
  .page {
    padding: 8px 24px 32px;
  }
  /* Tools fill the window: what is explored never scrolls away. */
  .page.tool {
    display: flex;
    flex-direction: column;
    height: calc(100vh - var(--bar-height, 45px) - 28px);
    min-height: 560px;
    padding: 10px 24px 12px;
  }
  .tool > .top {
    margin-bottom: 0;
  }
  .overview {
    padding-top: 10px;
  }
  .settings {
    height: 100%;
    overflow: auto;
  }
  .instrument {
    display: grid;
    flex: 1;
    grid-template: auto minmax(0, 1fr) / minmax(0, 1fr) 340px;
    gap: 10px 16px;
    min-height: 0;
  }
  .instrument > aside {
    position: static;
    grid-area: 1 / 2 / 3 / 3;
    max-height: none;
  }
  .view {
    min-height: 0;
    overflow: hidden;
  }
  .top {
    display: block;
    margin-bottom: 16px;
  }
  vs-file-bar.top {
    margin-bottom: 4px;
  }
  .columns {
    display: grid;
    grid-template-columns: minmax(0, 1fr) 340px;
    gap: 16px;
    align-items: start;
  }
  .main {
    display: grid;
    grid-template-columns: minmax(0, 1fr);
    gap: 16px;
  }
  aside {
    position: sticky;
    top: 64px;
    max-height: calc(100vh - 64px - 44px);
    padding: 14px 16px 18px;
    overflow-y: auto;
  }
  .ooms {
    padding: 8px 16px;
    list-style: none;
    background: var(--bad-soft);
    border-left: 3px solid var(--bad);
    border-radius: 4px;
  }
  .range {
    position: sticky;
    top: var(--bar-height, 45px);
    z-index: 2;
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 6px 12px;
    min-height: 44px;
    padding: 7px 16px;
    font-weight: 600;
  }
  .range .quiet {
    font-weight: 400;
    font-size: 13px;
  }
  .range.chosen {
    border-color: var(--accent);
    background: var(--accent-soft);
  }
  .body {
    padding: 14px 16px 16px;
  }
  .body > p {
    margin: 2px 0 10px;
    font-size: 13px;
  }
  @media (max-width: 1100px) {
    /* One column: the panel comes right after the charts that it answers for. */
    .columns {
      grid-template-columns: minmax(0, 1fr);
    }
    .main {
      display: contents;
    }
    .page.tool {
      height: auto;
    }
    .instrument {
      grid-template: auto 60vh auto / minmax(0, 1fr);
    }
    .instrument > aside {
      grid-area: 3 / 1;
      order: 0;
    }
    aside {
      position: static;
      order: 1;
      max-height: 60vh;
    }
    .range,
    .main > section,
    .main > p {
      order: 2;
    }
  }
`;
