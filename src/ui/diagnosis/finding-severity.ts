/** How much a finding matters: a shape and a word, so that neither colour nor sight alone is needed. */
import { css, html, svg } from 'lit';
import type { Severity } from '../../engine/protocol.ts';
import { SEVERITY_WORD } from '../../view/diagnosis/finding.ts';

export const severityStyle = css`
  .severity {
    display: inline-flex;
    align-items: center;
    gap: 6px;
    font-size: 12px;
    font-weight: 600;
    line-height: 20px;
    white-space: nowrap;
  }
  .severity svg {
    flex: none;
    width: 14px;
    height: 14px;
  }
  .severity.problem {
    color: var(--bad);
  }
  .severity.risk {
    color: var(--warn);
  }
  .severity.info {
    color: var(--text-quiet);
  }
  .severity.good {
    color: var(--curve-green);
  }
`;

const SHAPES: Readonly<Record<Severity, unknown>> = {
  problem: svg`<path d="M4.4 .7h5.2l3.7 3.7v5.2l-3.7 3.7H4.4L.7 9.6V4.4z" fill="currentColor" />
    <path d="M4.7 4.7l4.6 4.6M9.3 4.7L4.7 9.3" stroke="var(--panel)" stroke-width="1.7" />`,
  risk: svg`<path d="M7 1.2l6.4 11.5H.6z" fill="currentColor" />
    <path d="M7 5v3.6M7 9.7v1.6" stroke="var(--panel)" stroke-width="1.6" />`,
  info: svg`<circle cx="7" cy="7" r="5.9" fill="none" stroke="currentColor" stroke-width="1.4" />
    <path d="M7 6.2v4M7 3.6v1.6" stroke="currentColor" stroke-width="1.6" />`,
  good: svg`<circle cx="7" cy="7" r="6.6" fill="currentColor" />
    <path d="M3.9 7.2l2.2 2.2 4-4.4" fill="none" stroke="var(--panel)" stroke-width="1.7" />`,
};

/** `word`: false where the words beside it say it. */
export const renderSeverity = (severity: Severity, word = true): unknown =>
  html`<span class="severity ${severity}">
    <svg viewBox="0 0 14 14" aria-hidden="true">${SHAPES[severity]}</svg>
    <span class=${word ? '' : 'visually-hidden'}>${SEVERITY_WORD[severity]}</span>
  </span>`;
