/** A device of 4.4 s and 1,000 events, with whatever a test wants different. */
import type { DeviceView } from '../../../src/engine/protocol.ts';

export const device = (changes: Partial<DeviceView> = {}): DeviceView => ({
  key: '0:0',
  sourceId: 0,
  device: 0,
  producer: 'torch',
  name: 'NVIDIA H100 80GB HBM3',
  totalBytes: 85_017_755_648,
  clock: 'wall',
  base: 1_795_252_313_536_412_000n,
  spanNs: 4.4e9,
  rows: 1000,
  events: {},
  streams: ['0', '7'],
  fromEmpty: true,
  sentences: [],
  series: [],
  headline: [],
  annotations: [],
  ooms: [],
  kinds: [],
  hasStacks: true,
  kernels: null,
  ...changes,
});
