/** A server of vLLM fell asleep and (nearly) nothing became free: the pool of sleep mode was not in force. */
import { evidence } from './finding.ts';
import { rankWithMost, stepOf } from './server-budget-words.ts';
import { aboutServer, type ServerRule } from './server-rule.ts';
import { code, size } from './words.ts';

/** Of weights and KV cache, which all go in sleep (level 1 keeps a copy of the weights on the host). */
const MOST_SHARE = 0.1;
const LEAST_IN_USE = 2 ** 30;

export const sleepFreedNothing: ServerRule = ({ servers }) =>
  servers.flatMap((log) => {
    const sleep = log.sleeps.findLast(({ figures }) => figures['freed'] !== undefined);
    const { freed, in_use } = sleep?.figures ?? {};
    if (sleep === undefined || freed === undefined || in_use === undefined || in_use < LEAST_IN_USE)
      return [];
    const rank = rankWithMost(log.latest, (one) => stepOf(one, 'weights')?.value ?? null);
    const weights = rank === null ? null : (stepOf(rank, 'weights')?.value ?? null);
    const kv = rank === null ? null : (stepOf(rank, 'kv_cache')?.value ?? null);
    const due = (weights ?? 0) + (kv ?? 0);
    if (freed > MOST_SHARE * (due > 0 ? due : freed + in_use)) return [];
    // Asleep already: an earlier sleep freed what there is, and `in_use` counts the whole device, a trainer's part included.
    const isAsleep = log.sleeps.some(
      (one) => one !== sleep && (one.figures['freed'] ?? 0) > MOST_SHARE * (due > 0 ? due : freed + in_use),
    );
    if (isAsleep || (due > 0 && in_use < due / 2)) return [];
    const should =
      due === 0
        ? ''
        : `, of which by the log ${[weights === null ? null : `weights ${size(weights)}`, kv === null ? null : `KV cache ${size(kv)}`].filter((one) => one !== null).join(' and ')} should have gone`;
    return [
      aboutServer({
        id: 'sleep-freed-nothing',
        severity: 'problem',
        title: `Sleep freed ${size(freed)}; ${size(in_use)} stayed in use`,
        verdict: `Falling asleep freed ${size(freed)} and ${size(in_use)} stayed in use${should}: the pool of sleep mode was not in force, so weights and KV cache lie in the ordinary cache of the allocator.`,
        confidence: due > 0 ? 'high' : 'medium',
        confidenceWhy: 'The server prints what sleep freed; why its pool was not in force it does not say.',
        evidence: [evidence(`${log.source.file}: ${sleep.text}`)],
        remedy: `First see that PYTORCH_CUDA_ALLOC_CONF does not hold expandable_segments:True, which sleep mode does not work with: ${code('unset PYTORCH_CUDA_ALLOC_CONF')} before the start. Else start the server with --enable-sleep-mode (enable_sleep_mode=True).`,
        gainBytes: null,
        gainHow: null,
        wouldChange: 'A sleep that frees weights and KV cache.',
      }),
    ];
  });
