/** What samples on both sides of a moment tell of it. */
import type { Bounds } from '../../../src/base/measured.ts';
import { describe, expect, it } from 'vitest';
import { type NonTorch, nonTorchAt } from '../../../src/analyze/ledger/non-torch.ts';
import { NearSamples } from '../../../src/analyze/ledger/non-torch-near.ts';

const MIB = 2 ** 20;
const mib = (least: number, most = least): Bounds => ({ least: least * MIB, most: most * MIB });

/** A sample at so many seconds that leaves [least, most] MiB besides 1,000 MiB reserved. */
const sample = (seconds: number, least: number, most: number, reserved = mib(1000)): NonTorch =>
  nonTorchAt({
    momentNs: seconds * 1e9,
    device: 0,
    reserved,
    deviceUsed: mib(1000 + least, 1000 + most),
    from: 'device_used',
    processes: null,
    pid: null,
  });
const near = (samples: readonly NonTorch[], seconds: number) =>
  new NearSamples(samples, 'smi.csv').at(seconds * 1e9, 2000 * MIB);

describe('a moment between two samples', () => {
  it('has what both leave open, and what was reserved at the moment itself', () => {
    const { told, source } = near([sample(1, 498, 500), sample(2, 500, 502)], 1.25);
    expect(told).toMatchObject({ besidesReserved: mib(498, 502), deviceUsed: mib(2498, 2502) });
    expect(source).toBe('smi.csv: the samples 250.0 ms before and 750.0 ms after');
  });

  it('where something changed in between has everything from one to the other', () => {
    const { told } = near([sample(1, 498, 500), sample(2, 900, 902)], 1.5);
    expect(told?.besidesReserved).toEqual(mib(498, 902));
  });

  it('takes a sample that tells little at the word of the one on the other side', () => {
    const { told } = near([sample(1, 498, 500), sample(2, 100, 700)], 1.9);
    expect(told?.besidesReserved).toEqual(mib(498, 500));
  });

  it('at a sample has no other distance than none', () => {
    expect(near([sample(1, 498, 500)], 1).source).toBe('smi.csv: the sample at this moment');
  });
});

describe('a sample that tells more, further off', () => {
  it('is taken where those that are nearer agree', () => {
    const samples = [sample(1.0, 498, 500), sample(1.1, 0, 900), sample(1.2, 100, 800)];
    const { told, source } = near(samples, 1.3);
    expect(told?.besidesReserved).toEqual(mib(498, 500));
    expect(source).toContain('300.0 ms before');
  });

  it('is not where one of them does not', () => {
    const samples = [sample(1.0, 498, 500), sample(1.1, 600, 900), sample(1.2, 100, 800)];
    expect(near(samples, 1.3).told?.besidesReserved).toEqual(mib(600, 900));
  });
});

describe('a moment far from every sample', () => {
  it('of a log that ended before it is not told', () => {
    const { told, why } = near([sample(1, 498, 500), sample(2, 498, 500)], 5);
    expect(told).toBeNull();
    expect(why).toBe('What the device uses besides PyTorch: the nearest sample of smi.csv is 3.00 s away.');
  });

  it('of a log with few samples may be as far as these are apart', () => {
    const samples = [sample(0, 498, 500), sample(10, 498, 500), sample(20, 498, 500)];
    expect(near(samples, 15).told?.besidesReserved).toEqual(mib(498, 500));
    expect(near(samples, 44).told?.besidesReserved).toEqual(mib(498, 500));
    expect(near(samples, 46).told).toBeNull();
  });

  it('of a log of any length says how far its nearest sample is', () => {
    const one = sample(0, 498, 500);
    const samples = Array.from({ length: 200_000 }, (_, i) => ({ ...one, momentNs: i * 1e6 }));
    expect(near(samples, 300).why).toContain('the nearest sample of smi.csv is 1 min 40.0 s away');
  });

  it('of a log without samples in the recording says so', () => {
    expect(near([], 5).why).toContain('no sample of smi.csv lies within the recording');
  });
});

it('never has less used than is reserved', () => {
  const { told } = near([sample(1, -200, 40, mib(900, 1200))], 1);
  expect(told?.deviceUsed?.least).toBeGreaterThanOrEqual(2000 * MIB);
});
