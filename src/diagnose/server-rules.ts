/** The rules about servers, monitors and logs, in the order in which their findings are of equal weight. */
import type { ServerFacts } from '../analyze/server-facts.ts';
import type { Finding } from './finding.ts';
import type { ServerRule } from './server-rule.ts';

const SERVER_RULES: readonly ServerRule[] = [];

/** All findings, unsorted; `pause` is awaited between rules, so that long work gives way. */
export async function diagnoseServers(facts: ServerFacts, pause: () => Promise<void>): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const rule of SERVER_RULES) {
    findings.push(...rule(facts));
    await pause();
  }
  return findings;
}
