/** `vramscope open`: what the loopback server gives, and to whom. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type IncomingHttpHeaders, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openCommand } from '../../src/cli/open/open.ts';
import { serve, type Serving } from '../../src/cli/open/serve.ts';

const folder = mkdtempSync(join(tmpdir(), 'vramscope-open-'));
const page = join(folder, 'page.html');
const file = join(folder, 'rank 0 ä.pickle');
let serving: Serving;

beforeAll(async () => {
  writeFileSync(page, '<!doctype html>the page');
  writeFileSync(file, '0123456789');
  serving = await serve(page, [{ path: file, name: 'rank 0 ä.pickle' }]);
});
afterAll(async () => {
  await serving.close();
  rmSync(folder, { recursive: true });
});

interface Got {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A request as it is written: no client tidies the path. */
function get(path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Got> {
  const { port } = new URL(serving.url);
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, path, method, headers }, (response) => {
      let body = '';
      response.on('data', (bytes) => (body += String(bytes)));
      response.on('end', () => resolve({ status: response.statusCode!, headers: response.headers, body }));
    })
      .on('error', reject)
      .end();
  });
}
const token = (): string => new URL(serving.url).pathname.split('/')[1];

describe('the server', () => {
  it('is on the loopback interface, behind a long random path', async () => {
    expect(serving.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/[A-Za-z0-9_-]{32}\/\?src=/);
    const other = await serve(page, []);
    expect(other.url).not.toBe(serving.url);
    expect(new URL(other.url).pathname).not.toBe(new URL(serving.url).pathname);
    await other.close();
  });

  it('gives the page and the files', async () => {
    const { status, headers, body } = await get(`/${token()}/`);
    expect([status, body]).toEqual([200, '<!doctype html>the page']);
    expect(headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
    });
    const [src] = new URL(serving.url).searchParams.getAll('src');
    const { pathname } = new URL(src, serving.url);
    expect(decodeURIComponent(pathname)).toBe(`/${token()}/files/0/rank 0 ä.pickle`);
    expect((await get(pathname)).body).toBe('0123456789');
  });

  it('gives parts', async () => {
    const part = (range: string) => get(`/${token()}/files/0/x`, { Range: range });
    expect(await part('bytes=2-4')).toMatchObject({
      status: 206,
      body: '234',
      headers: { 'content-range': 'bytes 2-4/10' },
    });
    expect(await part('bytes=8-')).toMatchObject({ status: 206, body: '89' });
    expect(await part('bytes=-3')).toMatchObject({ status: 206, body: '789' });
    expect(await part('bytes=5-99')).toMatchObject({ status: 206, body: '56789' });
    expect(await part('bytes=10-12')).toMatchObject({ status: 416 });
    expect(await part('bytes=1-2,4-5')).toMatchObject({ status: 200, body: '0123456789' });
    expect(await get(`/${token()}/files/0/x`, {}, 'HEAD')).toMatchObject({
      status: 200,
      body: '',
      headers: { 'content-length': '10' },
    });
  });

  it.each([
    ['no path', () => '/'],
    ['another path', () => `/${'A'.repeat(32)}/`],
    ['the path without its end', () => `/${token().slice(0, -1)}/`],
    ['no slash behind it', () => `/${token()}`],
    ['a file that is not there', () => `/${token()}/files/1/x`],
    ['a path of the system', () => `/${token()}/files/0/../../../../etc/passwd`],
    ['a path of the system, escaped', () => `/${token()}/files/0/..%2f..%2f..%2fetc%2fpasswd/x`],
    ['another file beside the page', () => `/${token()}/page.html`],
  ])('is silent about %s', async (_what, path) => {
    expect(await get(path())).toMatchObject({ status: 404, body: '' });
  });

  it('is silent where another name leads here, and refuses to be written to', async () => {
    for (const host of ['example.com', `example.com:${new URL(serving.url).port}`, '127.0.0.1'])
      expect(await get(`/${token()}/`, { Host: host })).toMatchObject({ status: 404, body: '' });
    expect(await get(`/${token()}/`, { Host: `localhost:${new URL(serving.url).port}` })).toMatchObject({
      status: 200,
    });
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS'])
      expect(await get(`/${token()}/`, {}, method)).toMatchObject({
        status: 405,
        headers: { allow: 'GET, HEAD' },
      });
  });

  it('says that a file is gone', async () => {
    const other = join(folder, 'gone');
    writeFileSync(other, 'x');
    const second = await serve(page, [{ path: other, name: 'gone' }]);
    rmSync(other);
    const { status } = await fetch(new URL('files/0/gone', second.url.split('?')[0]));
    expect(status).toBe(404);
    await second.close();
  });
});

describe('the command', () => {
  const run = async (...argv: string[]) => {
    let [out, err] = ['', ''];
    let got = '';
    const code = await openCommand(
      argv,
      { write: (text) => (out += text) },
      { write: (text) => (err += text) },
      {
        page,
        until: async () => {
          got = await (await fetch(out.trim())).text();
        },
      },
    );
    return { code, out, err, got };
  };

  it('prints the address, serves until it is ended, and is gone then', async () => {
    const { code, out, err, got } = await run(file, '--no-browser');
    expect([code, err, got]).toEqual([0, 'Ctrl-C ends it.\n', '<!doctype html>the page']);
    await expect(fetch(out.trim())).rejects.toThrow();
  });

  it('takes every file of a folder', async () => {
    const job = join(folder, 'job');
    mkdirSync(job);
    for (const rank of [10, 2]) writeFileSync(join(job, `rank${rank}.pickle`), '');
    const { out } = await run(job, '--no-browser');
    expect(new URL(out.trim()).searchParams.getAll('src')).toEqual([
      'files/0/rank2.pickle',
      'files/1/rank10.pickle',
    ]);
  });

  it('refuses what it cannot do', async () => {
    expect(await run()).toMatchObject({ code: 2 });
    expect(await run(file, '--port', 'x')).toMatchObject({ code: 2 });
    expect(await run(file, '--nonsense')).toMatchObject({ code: 2 });
    expect(await run(join(folder, 'nowhere'))).toMatchObject({
      code: 3,
      err: expect.stringMatching(/there is no /) as string,
    });
    const { port } = new URL(serving.url);
    expect(await run(file, '--port', port, '--no-browser')).toMatchObject({
      code: 3,
      err: expect.stringMatching(/EADDRINUSE/) as string,
    });
  });
});
