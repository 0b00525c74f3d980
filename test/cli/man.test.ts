/** The manual page: every verb and option of the command, and nothing that roff would take for an order. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { manual } from '../../scripts/man.mjs';
import { USAGES } from '../../src/cli/usage.ts';
import { optionsOf } from '../../src/cli/completion.ts';

const ROOT = join(import.meta.dirname, '../..');
const page = manual(readFileSync(join(ROOT, 'docs/cli.md'), 'utf8'), '1.2.3');

it('begins as a manual page does', () => {
  expect(page).toMatch(/^\.TH VRAMSCOPE 1 "" "vramscope 1\.2\.3" "User Commands"\n\.SH NAME\nvramscope \\- /);
});

it('has every verb and every option that the usage has', () => {
  const text = page.replaceAll('\\-', '-');
  for (const verb of Object.keys(USAGES)) {
    expect(text).toMatch(new RegExp(`^\\.SH "\\\\fB${verb}\\\\fR"`, 'm'));
    for (const option of optionsOf(verb)) if (option !== '--help') expect(text).toContain(option);
  }
});

it('holds no request but its own', () => {
  const requests = new Set([...page.matchAll(/^[.'](\w*)/gm)].map(([, name]) => name));
  expect([...requests].sort()).toEqual(['PP', 'RE', 'RS', 'SH', 'SS', 'TH', 'TP', 'fi', 'nf']);
});

it('text that looks like a request, or like an escape, stays text', () => {
  expect(manual("# T\n\n.so /etc/passwd\n\n'quoted \\fBx\n", '1')).toContain(
    "\\&.so /etc/passwd\n.PP\n\\&'quoted \\efBx",
  );
});
