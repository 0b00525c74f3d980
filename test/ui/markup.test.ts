/** No markup of a file comes alive on the page: every text goes through a template, and nothing goes round it. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const SRC = join(import.meta.dirname, '../../src');
const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));

/** What makes elements, scripts or links of a text. */
const ALIVE =
  /unsafe(?:HTML|SVG|Static|MathML)|\b(?:inner|outer)HTML['"\]]*\s*\+?=(?!=)|insertAdjacentHTML|document\.write|\bsrcdoc\b|DOMParser|createContextualFragment|setHTMLUnsafe|new Function\b|\beval\(/;
/** An address out of a value: a link of a file must not be one to follow. */
const LINKED = /\b(?:href|src|action|formaction)=\$\{/;

describe('the sources of the page', () => {
  it('are read', () => expect(files.length).toBeGreaterThan(300));

  it.each([
    ['make no markup of a text', ALIVE],
    ['make no address of a value', LINKED],
  ])('%s', (_, pattern) => {
    const found = files.filter((name) => pattern.test(readFileSync(join(SRC, name), 'utf8')));
    expect(found).toEqual([]);
  });

  it('a planted one is seen', () => {
    expect(ALIVE.test('html`${unsafeHTML(name)}`')).toBe(true);
    for (const assigned of [
      'a.innerHTML = b',
      'a.outerHTML += b',
      "a['innerHTML'] = b",
      '<p .innerHTML=${b}>',
    ])
      expect(ALIVE.test(assigned)).toBe(true);
    // To read the page's own is no harm: a case file is made of it.
    expect(ALIVE.test('const text = page.head.outerHTML;')).toBe(false);
    expect(LINKED.test('<a href=${file}>')).toBe(true);
  });
});
