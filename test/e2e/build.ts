/** Builds what is stale before any page is opened, in a process of its own: the runner's NODE_ENV would make another build. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

export function setup(): void {
  const env: NodeJS.ProcessEnv = { ...process.env };
  delete env['NODE_ENV'];
  const script = join(import.meta.dirname, '../../scripts/build.mjs');
  const built = spawnSync(process.execPath, [script, '--quiet'], { encoding: 'utf8', env });
  if (built.status !== 0) throw new Error(`The build failed.\n${built.stdout}${built.stderr}`);
}
