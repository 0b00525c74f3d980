/** vLLM's own memory figures of one text that cannot all be right: what rests on them is doubtful. */
import { vllmMemoryAccounts } from '../analyze/server/vllm-memory-words.ts';
import { count } from '../base/words.ts';
import { rankText } from '../base/rank.ts';
import { evidence } from './finding.ts';
import { aboutServer, type ServerRule } from './server-rule.ts';

/** Sentences shown one by one. */
const MOST_SHOWN = 5;

export const vllmContradiction: ServerRule = ({ input }) =>
  input.sources.flatMap(({ file, readings }) => {
    const prints = readings?.vllm_memory ?? [];
    if (readings === null || prints.length === 0) return [];
    const problems = vllmMemoryAccounts(prints, readings.budgets).flatMap((account) =>
      account.problems.map((problem) =>
        [rankText(account.rank), problem].filter((one) => one !== '').join(': '),
      ),
    );
    if (problems.length === 0) return [];
    const left = problems.length - MOST_SHOWN;
    return [
      aboutServer({
        id: 'contradiction',
        severity: 'risk',
        title: `vLLM's memory figures in ${file} cannot all be right`,
        verdict: `${count(problems.length, 'statement')} about them cannot hold: what is computed from these figures is doubtful.`,
        confidence: 'high',
        confidenceWhy:
          'These identities hold by definition; what the printed digits leave open is allowed for.',
        evidence: [
          ...problems.slice(0, MOST_SHOWN).map((problem) => evidence(problem)),
          ...(left > 0 ? [evidence(`${count(left, 'more of the kind', 'more of the kind')}.`)] : []),
        ],
        remedy: 'Check what was typed or cut, and that all of it is of one start of one server on one GPU.',
        gainBytes: null,
        gainHow: null,
        wouldChange: 'The figures as vLLM printed them.',
      }),
    ];
  });
