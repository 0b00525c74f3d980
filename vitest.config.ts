/**
 * Projects: `unit` (Node), `browser` (Chromium with a software WebGPU adapter) and `e2e` (Node driving the built
 * application) are `npm test`; `long` is what is slow and seldom fails (Node), run by `npm run test:long`. Every test must assert something: one that cannot fail is refused by the runner.
 */
import { playwright } from '@vitest/browser-playwright';
import { defineConfig } from 'vitest/config';
import { bundledSample, engineWorker, packedSqlite } from './vite.config.ts';

const chromium = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium';
/** `--enable-unsafe-webgpu` is what makes SwiftShader an adapter in a headless browser; the rest keeps it quiet. */
const chromiumFlags = [
  '--no-sandbox',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--enable-unsafe-webgpu',
  '--use-webgpu-adapter=swiftshader',
];

/** Test options that every project has. */
const asserting = { expect: { requireAssertions: true } };

export default defineConfig({
  test: {
    ...asserting,
    projects: [
      {
        plugins: [packedSqlite()],
        test: {
          ...asserting,
          name: 'unit',
          environment: 'node',
          include: ['test/**/*.test.ts'],
          exclude: ['test/**/*.browser.test.ts', 'test/**/*.long.test.ts', 'test/e2e/**'],
          testTimeout: 30_000,
          // Modules hold no state that changes (test/architecture.test.ts), so files share them: half of the time was loading.
          isolate: false,
        },
      },
      {
        plugins: [engineWorker(), bundledSample(), packedSqlite()],
        test: {
          ...asserting,
          name: 'browser',
          include: ['test/**/*.browser.test.ts'],
          exclude: ['test/e2e/**'],
          // SwiftShader compiles a pipeline in seconds.
          testTimeout: 60_000,
          hookTimeout: 60_000,
          fileParallelism: false,
          browser: {
            enabled: true,
            headless: true,
            screenshotFailures: false,
            provider: playwright({ launchOptions: { executablePath: chromium, args: chromiumFlags } }),
            instances: [{ browser: 'chromium' }],
          },
        },
      },
      {
        test: {
          ...asserting,
          name: 'e2e',
          environment: 'node',
          include: ['test/e2e/**/*.test.ts'],
          exclude: ['test/**/*.long.test.ts'],
          globalSetup: ['test/e2e/build.ts'],
          testTimeout: 180_000,
          hookTimeout: 180_000,
          // Two browsers at once: one waits for what it draws while the other reads. More of them wait for each other.
          maxWorkers: 2,
        },
      },
      {
        plugins: [packedSqlite()],
        test: {
          ...asserting,
          name: 'long',
          environment: 'node',
          include: ['test/**/*.long.test.ts'],
          globalSetup: ['test/e2e/build.ts'],
          testTimeout: 600_000,
          hookTimeout: 180_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
