/** A finding as text for those who choose no unit: amounts in binary units, nothing marked for copying. */
import { amountsIn } from '../base/amounts.ts';
import type { Finding } from './finding.ts';
import { plainRemedy } from './words.ts';

export function plainFinding(finding: Finding): Finding {
  const plain = amountsIn(finding, 'binary');
  const also = plain.also?.map((one) => ({ ...one, remedy: plainRemedy(one.remedy) }));
  return { ...plain, remedy: plainRemedy(plain.remedy), ...(also === undefined ? {} : { also }) };
}
