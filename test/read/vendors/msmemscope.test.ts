/** Dumps of msMemScope: pools apart, what lives by place, damage counted. U12 of the field is in test/field. */
import { describe, expect, it } from 'vitest';
import { logReader } from '../../../src/read/log.ts';
import type { SourceData } from '../../../src/trace/capture.ts';
import { readBytes } from '../open-for-test.ts';

const HEADER =
  'ID,Event,Event Type,Name,Timestamp(ns),Process Id,Thread Id,Device Id,Ptr,Attr,Call Stack(Python),Call Stack(C)';
const T = 1746006014162000000n;
const row = (
  id: number,
  event: string,
  type: string,
  device: string,
  ptr: number,
  attr: string,
  stack = '',
): string =>
  `${id},${event},${type},N/A,${T + BigInt(id)},7,7,${device},${ptr},"{addr:${ptr},${attr}}","${stack}",`;

async function read(...rows: string[]): Promise<SourceData> {
  const { data, error } = await readBytes(logReader, 'x.csv', [HEADER, ...rows, ''].join('\n'));
  if (error !== null) throw error;
  return data;
}
const values = ({ readings }: SourceData, id: string, device: number | null): readonly number[] =>
  readings!.gauges
    .filter((gauge) => gauge.id === id && gauge.device === device)
    .flatMap((gauge) => [...gauge.value]);

describe('a dump', () => {
  it('keeps devices and pools apart, and adds up what lives of the driver', async () => {
    const data = await read(
      row(1, 'MALLOC', 'HAL', '0', 100, 'size:4096'),
      row(2, 'MALLOC', 'HAL', '1', 100, 'size:8192'),
      row(3, 'MALLOC', 'PTA', '0', 200, 'size:512,owner:,total:4096,used:512', 'train.py(12): forward'),
      row(4, 'FREE', 'HAL', '0', 100, 'size:4096'),
      row(5, 'FREE', 'HAL', '0', 900, 'size:64'),
    );
    expect(values(data, 'driver.live', 0)).toEqual([4096, 0, 0]);
    expect(values(data, 'driver.live', 1)).toEqual([8192]);
    expect(values(data, 'memory_allocated', 0)).toEqual([512]);
    expect(data.notRecorded.join()).toContain('1 releases are of what was allocated before');
    const [table] = data.readings!.tables;
    expect(table.rows).toEqual([
      ['1', 'HAL', 1, 8192, ''],
      ['0', 'PTA', 1, 512, 'train.py(12): forward'],
    ]);
  });

  it('reads SNAPSHOT rows', async () => {
    const data = await read(
      row(1, 'SNAPSHOT', 'N/A', '0', 0, 'total_mem:65536,free_mem:1024,reserved:4096,allocated:512'),
    );
    expect(values(data, 'memory.used', 0)).toEqual([64512]);
    expect(values(data, 'memory_allocated', 0)).toEqual([512]);
  });

  it('leaves out sizes that no device has, and says how many', async () => {
    const data = await read(
      row(1, 'MALLOC', 'HAL', '0', 1, 'size:-5'),
      row(2, 'MALLOC', 'HAL', '0', 2, 'size:1267650600228229401'),
      row(3, 'MALLOC', 'HAL', '0', 3, 'size:512'),
      '4,MALLOC,HAL,N/A,x,7,7,0,1,,',
    );
    expect(values(data, 'driver.live', 0)).toEqual([512]);
    expect(data.skipped).toBe(3);
    expect(data.warnings).toHaveLength(3);
  });
});
