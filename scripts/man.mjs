/** The manual page, made of docs/cli.md: node scripts/man.mjs [OUT]. Headings, tables, code and plain paragraphs; nothing else is in it. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

/** Text as roff takes it: no escape, no request at the beginning of a line. */
const plain = (text) =>
  text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^(?=[.'])/gm, '\\&');

/** Code bold, the text of links alone. */
function inline(text) {
  return text
    .split(/(`[^`]+`)/)
    .map((part) =>
      part.startsWith('`') && part.endsWith('`') && part.length > 2
        ? `\\fB${plain(part.slice(1, -1))}\\fR`
        : plain(part.replace(/\[([^\]]+)\]\([^)]*\)/g, '$1').replace(/\\([|<>])/g, '$1')),
    )
    .join('');
}

/** Cells of a row; a bar inside of code is written with a backslash before it. */
const cellsOf = (line) =>
  line
    .replace(/^\||\|$/g, '')
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim().replaceAll('\\|', '|'));

/** `version`: of the package. */
export function manual(markdown, version) {
  const lines = markdown.split('\n');
  const out = [
    `.TH VRAMSCOPE 1 "" "vramscope ${version}" "User Commands"`,
    '.SH NAME',
    'vramscope \\- who holds GPU memory, and why it grows',
  ];
  let paragraph = [];
  const end = () => {
    if (paragraph.length > 0) out.push('.PP', inline(paragraph.join(' ')));
    paragraph = [];
  };
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at];
    const heading = /^(#+) (.*)$/.exec(line);
    if (heading !== null) {
      end();
      if (heading[1].length === 1) out.push('.SH DESCRIPTION');
      else
        out.push(
          `.${heading[1].length === 2 ? 'SH' : 'SS'} "${inline(heading[2]).replaceAll('"', '\\(dq')}"`,
        );
    } else if (line.startsWith('```')) {
      end();
      out.push('.PP', '.nf', '.RS 4');
      for (at++; at < lines.length && !lines[at].startsWith('```'); at++) out.push(plain(lines[at]));
      out.push('.RE', '.fi');
    } else if (line.startsWith('|')) {
      end();
      const [name, ...rest] = cellsOf(line);
      // The head and the rule below it say nothing that the rows do not.
      if (/^[-: ]+$/.test(name) || (lines[at + 1] ?? '').startsWith('| --')) continue;
      out.push('.TP', inline(name), inline(rest.join('. ')));
    } else if (line.trim() === '') end();
    else paragraph.push(line.trim());
  }
  end();
  return `${out.join('\n')}\n`;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const out = process.argv[2] ?? join(ROOT, 'dist/vramscope.1');
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  mkdirSync(dirname(out), { recursive: true });
  writeFileSync(out, manual(readFileSync(join(ROOT, 'docs/cli.md'), 'utf8'), version));
}
