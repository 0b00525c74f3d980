/** `vramscope open FILE...`: the page in a browser, with the files open, until Ctrl-C. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { TraceError } from '../../base/trace-error.ts';
import { listSources } from '../fleet/list-sources.ts';
import { reasonOf } from '../open-files.ts';
import { takeOption } from '../take-option.ts';
import { lines } from '../terminal.ts';
import { serve } from './serve.ts';

interface Output {
  write(text: string): unknown;
}

export const OPEN_USAGE = `usage: vramscope open PATH... [--port N] [--no-browser]

  open      show files in the page, which is served on this machine alone, at an address that nobody can guess; Ctrl-C ends it
  --port    listen there; otherwise at a port that is free
  --no-browser   print the address and start no browser`;

const EXIT_READ = 0;
const EXIT_USAGE = 2;
const EXIT_FAILED = 3;

/** Files that are opened in one page. */
const MOST_FILES = 64;

/** Beside the built command. */
const PAGE = fileURLToPath(new URL('../vramscope.html', import.meta.url));

/** The system's own way to open an address; one that is not there is no matter. */
function startBrowser(url: string): void {
  const [program, ...argv] =
    process.platform === 'darwin'
      ? ['open']
      : process.platform === 'win32'
        ? ['cmd', '/c', 'start', '']
        : ['xdg-open'];
  spawn(program, [...argv, url], { detached: true, stdio: 'ignore' })
    .on('error', () => undefined)
    .unref();
}

const interrupted = (): Promise<void> =>
  new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });

/** `until`: what ends it. Returns the exit code. */
export async function openCommand(
  rest: readonly string[],
  out: Output,
  err: Output,
  { page = PAGE, until = interrupted }: { readonly page?: string; readonly until?: () => Promise<void> } = {},
): Promise<number> {
  const usage = (why: string): number => {
    err.write(`${lines([`vramscope: ${why}`])}${OPEN_USAGE}\n`);
    return EXIT_USAGE;
  };
  const end = rest.indexOf('--');
  const given = end < 0 ? [...rest] : rest.slice(0, end);
  const port = takeOption(given, '--port');
  if (port === null || (port !== undefined && (!/^\d{1,5}$/.test(port) || Number(port) > 65_535)))
    return usage(`--port needs a number up to 65535, not "${port ?? ''}"`);
  const asked = given.filter((one) => one !== '--no-browser');
  const unknown = asked.find((one) => one.startsWith('-'));
  if (unknown !== undefined) return usage(`unknown option "${unknown}"`);
  const paths = [...asked, ...(end < 0 ? [] : rest.slice(end + 1))];
  if (paths.length === 0) return usage('open needs at least one file');
  try {
    if (!existsSync(page))
      throw new TraceError('io', 'The page is not built here.', { advice: 'npm run build' });
    const sources = listSources(paths, { rank: null, group: null });
    if (sources.length > MOST_FILES)
      throw new TraceError(
        'refused',
        `${sources.length} files are more than the ${MOST_FILES} that one page takes.`,
        {
          advice: 'Name those to look at; vramscope ranks and vramscope facts read many.',
        },
      );
    const serving = await serve(
      page,
      sources.map(({ path, source }) => ({ path, name: basename(source) })),
      port === undefined ? 0 : Number(port),
    );
    out.write(lines([serving.url]));
    err.write(lines(['Ctrl-C ends it.']));
    if (!given.includes('--no-browser')) startBrowser(serving.url);
    await until();
    await serving.close();
    return EXIT_READ;
  } catch (thrown) {
    const { message, advice } =
      thrown instanceof TraceError
        ? thrown.toData()
        : { message: `it cannot be served: ${reasonOf(thrown)}`, advice: null };
    err.write(lines([`vramscope: ${message}`, ...(advice === null ? [] : [`  ${advice}`])]));
    return EXIT_FAILED;
  }
}
