/** dist/vramscope.html by itself: one file, opened from disk, that loads nothing and tells nobody. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser } from 'playwright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launch, ROOT, Scope, serve, SINGLE_FILE } from './harness.ts';

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser.close());

/** Directive -> sources, off the page's own meta element. */
function policyOf(html: string): Map<string, string> {
  const content = /<meta http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(html)?.[1] ?? '';
  return new Map(
    content.split('; ').map((directive) => {
      const [name, ...sources] = directive.split(' ');
      return [name, sources.join(' ')];
    }),
  );
}

describe('the single file', () => {
  const html = (): string => readFileSync(join(ROOT, 'dist/vramscope.html'), 'utf8');

  it('allows its own script and nothing else', () => {
    const script = /<script type="module">([\s\S]*?)<\/script>/.exec(html())?.[1] ?? '';
    expect(script.length).toBeGreaterThan(100_000);
    const hash = createHash('sha256').update(script).digest('base64');
    expect(Object.fromEntries(policyOf(html()))).toEqual({
      'default-src': "'none'",
      'script-src': `'sha256-${hash}' 'wasm-unsafe-eval'`,
      'worker-src': 'blob: data:',
      'connect-src': "'self' blob: data:",
      'img-src': 'data: blob:',
      'style-src': "'unsafe-inline'",
      'base-uri': "'none'",
      'form-action': "'none'",
    });
  });

  it('is the same under both names', () => {
    expect(
      readFileSync(join(ROOT, 'dist/index.html')).equals(readFileSync(join(ROOT, 'dist/vramscope.html'))),
    ).toBe(true);
  });

  it('refers to nothing outside itself, once parsed', async () => {
    const scope = await Scope.open(browser, SINGLE_FILE);
    const references = await scope.page.evaluate(() =>
      [...document.querySelectorAll('[src], [href], [srcset], [action]')].map(
        (element) => element.getAttribute('src') ?? element.getAttribute('href') ?? element.outerHTML,
      ),
    );
    expect(references.filter((reference) => !reference.startsWith('data:'))).toEqual([]);
    expect(
      await scope.page.evaluate(() => performance.getEntriesByType('resource').map(({ name }) => name)),
    ).toEqual([]);
    await scope.close();
  });

  it('refuses to let anything out, should something in it try', async () => {
    const server = await serve({ '/x': 'reached' });
    // The watcher lets these through: what stops them is the page's own policy.
    const scope = await Scope.open(browser, SINGLE_FILE, { origin: server.origin });
    const tried = await scope.page.evaluate(async (origin) => {
      const refused: string[] = [];
      const all = new Promise<void>((resolve) =>
        document.addEventListener('securitypolicyviolation', (event) => {
          if (refused.push(event.effectiveDirective) === 3) resolve();
        }),
      );
      const answer = await fetch(`${origin}/x`, { mode: 'no-cors' }).then(
        () => 'answered',
        () => 'refused',
      );
      const image = new Image();
      image.src = `${origin}/x`;
      const script = document.createElement('script');
      script.textContent = 'document.title = "taken over"';
      document.body.append(image, script);
      // One for each thing tried; a script of the page's own would have run before `append` came back.
      await all;
      return { answer, refused: refused.sort(), title: document.title };
    }, server.origin);
    server.close();
    expect(tried).toMatchObject({
      answer: 'refused',
      refused: ['connect-src', 'img-src', 'script-src-elem'],
      title: expect.stringContaining('vramscope') as string,
    });
    expect(server.hits).toEqual([]);
    // The browser reports each refusal on the console.
    expect(scope.errors.length).toBeGreaterThan(0);
    scope.errors.length = 0;
    await scope.close();
  });

  it('is watched: the watcher sees a request that leaves', async () => {
    const scope = await Scope.open(
      browser,
      'data:text/html,<img src="https://example.com/x.png"><vram-scope>',
    );
    await expect.poll(() => scope.requests).toEqual(['https://example.com/x.png']);
    await expect(scope.close()).rejects.toThrow(/example\.com/);
  });
});
