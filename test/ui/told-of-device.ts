/** A diagnosis made for tests of views, told of a device that the engine has open. */
import type { Diagnosis } from '../../src/engine/protocol.ts';

/** The first device of the first file that an engine opens. */
export const FIRST_DEVICE = '1:0';

export const toldOfDevice = (told: Diagnosis, deviceKey = FIRST_DEVICE): Diagnosis => ({
  ...told,
  findings: told.findings.map((one) => ({ ...one, deviceKey: one.deviceKey === null ? null : deviceKey })),
  devices: told.devices.map((one) => ({ ...one, deviceKey })),
});
