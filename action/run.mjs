/** The step of action.yml: runs vramscope, writes its reports, and tells the job. Nothing but Node. */
import { spawnSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const EXIT_USAGE = 2;
const EXIT_FAILED = 3;

const input = (name) => (process.env[`VRAMSCOPE_${name}`] ?? '').trim();

/** The command, as program and arguments. */
function command() {
  const given = input('COMMAND');
  if (given !== '') return given.split(/\s+/);
  if (existsSync(join(root, 'dist/cli/main.js'))) return [process.execPath, join(root, 'bin/vramscope.mjs')];
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  return [process.platform === 'win32' ? 'npx.cmd' : 'npx', '--yes', `vramscope@${version}`];
}

/** A line of a job's log that GitHub shows beside the change; it may hold no line break. */
const annotation = (text) =>
  `::error title=vramscope::${text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')}`;

function tell(variable, text) {
  const path = process.env[variable];
  if (path !== undefined && path !== '') appendFileSync(path, text);
}

const files = input('FILES')
  .split('\n')
  .map((path) => path.trim())
  .filter((path) => path !== '');
if (files.length === 0) {
  console.log(annotation('no files: give the input "files" a path a line'));
  process.exit(EXIT_USAGE);
}

const output = input('OUTPUT') || 'vramscope-report';
mkdirSync(output, { recursive: true });
const reports = {
  markdown: ['md', join(output, 'report.md')],
  sarif: ['sarif', join(output, 'report.sarif')],
  junit: ['junit', join(output, 'report.xml')],
  json: ['json', join(output, 'report.json')],
};
const [program, ...before] = command();
const run = spawnSync(
  program,
  [
    ...before,
    'analyze',
    '-q',
    ...(input('BASELINE') === '' ? [] : ['--baseline', input('BASELINE')]),
    ...(input('FAIL_ON') === '' ? [] : ['--fail-on', input('FAIL_ON')]),
    ...Object.values(reports).flatMap(([format, path]) => ['--format', format, '-o', path]),
    '--',
    ...files,
  ],
  // A shell is needed for npx.cmd alone.
  {
    encoding: 'utf8',
    stdio: ['ignore', 'inherit', 'pipe'],
    shell: program.endsWith('.cmd'),
    maxBuffer: 1 << 28,
  },
);
const code = run.status ?? EXIT_FAILED;
if (run.error !== undefined) console.log(annotation(`vramscope could not be started: ${run.error.message}`));
const said = (run.stderr ?? '').split('\n').filter((line) => line !== '');
for (const line of said)
  console.log(
    code !== 0 && line.startsWith('vramscope: ') && !line.includes(': not known') ? annotation(line) : line,
  );
if (existsSync(reports.markdown[1])) tell('GITHUB_STEP_SUMMARY', readFileSync(reports.markdown[1], 'utf8'));
tell(
  'GITHUB_OUTPUT',
  [
    `code=${code}`,
    ...Object.entries(reports).flatMap(([name, [, path]]) => (existsSync(path) ? [`${name}=${path}`] : [])),
    '',
  ].join('\n'),
);
process.exit(code);
