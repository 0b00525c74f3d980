/** The processes of a device, from lists of them. */
import { expect, it } from 'vitest';
import { findingsOf } from '../../diagnose/logs-for-test.ts';

it('a process that loses its name when it ends is one process', async () => {
  const at = (second: number, pid: number, name: string, mebibytes: number): string =>
    `2026/03/20 12:00:0${second}.000, GPU-11111111-2222-3333-4444-555555555555, ${pid}, ${name}, ${mebibytes} MiB`;
  const [found] = await findingsOf('other-processes', {
    'apps.csv': [
      'timestamp, gpu_uuid, pid, process_name, used_gpu_memory [MiB]',
      at(1, 100, 'python', 60000),
      at(1, 200, 'notebook', 9000),
      at(2, 100, 'python', 60000),
      at(2, 200, '[No data]', 610),
      at(3, 100, '[No data]', 500),
    ],
  });
  expect(found.title).toContain('1 other process ');
  expect(found.gainBytes).toBe(9000 * 2 ** 20);
  expect(found.verdict).toContain('process 200 (notebook) held up to');
});
