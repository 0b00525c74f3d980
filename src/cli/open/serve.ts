/**
 * The page and a few files on the loopback interface, behind a path that nobody can guess: what other programs and other
 * users of the machine ask for without it is not there, and a page of another origin that names this address by a name
 * of its own (DNS rebinding) is refused by the Host header.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { createReadStream, statSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ServedFile {
  readonly path: string;
  /** As the page shows it. */
  readonly name: string;
}

export interface Serving {
  /** The page with the files open. */
  readonly url: string;
  /** Ends it; connections that are open are closed. */
  close(): Promise<void>;
}

const HEADERS = {
  'Cache-Control': 'no-store',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
};

const isSame = (one: string, other: string): boolean => {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
};

/** [from, to] of a Range header of one range; null: none is asked for; 'none': there is no such part. */
function rangeOf(header: string | undefined, size: number): readonly [number, number] | null | 'none' {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header ?? '');
  if (match === null || (match[1] === '' && match[2] === '')) return null;
  const from = match[1] === '' ? Math.max(0, size - Number(match[2])) : Number(match[1]);
  const to = match[1] === '' || match[2] === '' ? size - 1 : Math.min(size - 1, Number(match[2]));
  return from > to ? 'none' : [from, to];
}

function sendFile(request: IncomingMessage, response: ServerResponse, path: string, type: string): void {
  let size: number;
  try {
    const stat = statSync(path);
    if (!stat.isFile()) throw new Error('it is no file any more');
    size = stat.size;
  } catch {
    response.writeHead(404, HEADERS).end();
    return;
  }
  const range = rangeOf(request.headers.range, size);
  if (range === 'none') {
    response.writeHead(416, { ...HEADERS, 'Content-Range': `bytes */${size}` }).end();
    return;
  }
  const [from, to] = range ?? [0, size - 1];
  response.writeHead(range === null ? 200 : 206, {
    ...HEADERS,
    'Accept-Ranges': 'bytes',
    'Content-Type': type,
    'Content-Length': to - from + 1,
    ...(range === null ? {} : { 'Content-Range': `bytes ${from}-${to}/${size}` }),
  });
  if (request.method === 'HEAD' || size === 0) {
    response.end();
    return;
  }
  // A file that shrinks or vanishes meanwhile ends the connection: the page says that it did.
  createReadStream(path, { start: from, end: to })
    .on('error', () => response.destroy())
    .pipe(response);
}

/** `page`: path of dist/vramscope.html. Rejects where no port can be taken. */
export async function serve(
  page: string,
  files: readonly ServedFile[],
  port = 0,
  token = randomBytes(24).toString('base64url'),
): Promise<Serving> {
  const server: Server = createServer((request, response) => {
    const { port: own } = server.address() as AddressInfo;
    const isOurs = [`127.0.0.1:${own}`, `localhost:${own}`].includes(request.headers.host ?? '');
    const { pathname } = new URL(request.url ?? '/', 'http://127.0.0.1');
    const [, given = '', ...rest] = pathname.split('/');
    if (!isOurs || !isSame(given, token)) {
      response.writeHead(404, HEADERS).end();
      return;
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.writeHead(405, { ...HEADERS, Allow: 'GET, HEAD' }).end();
      return;
    }
    if (rest.length === 1 && rest[0] === '') sendFile(request, response, page, 'text/html; charset=utf-8');
    // By number alone: a path of a request is never a path of the system.
    else if (
      rest.length === 3 &&
      rest[0] === 'files' &&
      /^\d{1,6}$/.test(rest[1]) &&
      Number(rest[1]) < files.length
    )
      sendFile(request, response, files[Number(rest[1])].path, 'application/octet-stream');
    else response.writeHead(404, HEADERS).end();
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve());
  });
  const { port: own } = server.address() as AddressInfo;
  const sources = new URLSearchParams(
    files.map(({ name }, at) => ['src', `files/${at}/${encodeURIComponent(name)}`]),
  );
  return {
    url: `http://127.0.0.1:${own}/${token}/${files.length === 0 ? '' : `?${sources}`}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
