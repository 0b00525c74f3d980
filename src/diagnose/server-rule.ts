/** What a rule about logs, monitors and servers is: facts in, findings out; nothing where it does not apply. */
import type { ServerFacts } from '../analyze/server-facts.ts';
import type { Finding } from './finding.ts';

export type ServerRule = (facts: ServerFacts) => readonly Finding[];

/** A finding about a source; of a device only its index is known, as there is no recording of it. */
export const aboutServer = (
  told: Omit<Finding, 'deviceKey' | 'device'> & { readonly device?: number | null },
): Finding => ({ device: null, ...told, deviceKey: null });
