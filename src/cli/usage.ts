/** What `--help` prints: of a verb its own usage, without one of all of them. */
import { DIFF_USAGE } from './diff.ts';
import { EXPORT_USAGE } from './export.ts';
import { FACTS_USAGE } from './fleet/facts.ts';
import { FLEET_USAGE } from './fleet/fleet.ts';
import { QUERY_USAGE } from './fleet/query.ts';
import { MCP_USAGE } from './mcp/mcp.ts';
import { OPEN_USAGE } from './open/open.ts';
import { RANKS_USAGE } from './ranks.ts';
import { REPLAY_USAGE } from './replay.ts';

export const ANALYZE_USAGE = `usage: vramscope analyze PATH... [--baseline FILE] [--fail-on CONDITIONS] [--gpus-per-pod N]
                         [--json | --format text|json|junit|sarif|md [-o FILE]]... [-q]

  analyze   diagnose files of any kind in docs/formats.md; a folder whose files belong together is one source;
            - reads standard input. Without a verb, vramscope PATH... does the same
  --json    print one JSON object (docs/cli.md) instead of text
  --format  the result as text, json, junit, sarif or md (for a pull request); repeatable, each with its -o
  -o        write it to this file
  -q        print nothing on standard output; what holds or failed is still said on standard error
  --baseline   hold the run against an earlier one: what its analyze --json printed, or its recording
  --fail-on exit with code 1 if a condition holds: leak, growth, oom, problem, peak>70GiB, ... (comma-separated);
            with a baseline also allocated>+1%, requested>+64MiB, line>+64MiB, new-line>64MiB
  --gpus-per-pod   sum a server's memory budget over pods of N GPUs, if its log names fewer ranks`;

const RECORDER_USAGE = `usage: vramscope recorder > vramscope_record.py

  recorder  print a file of Python that records a program while it runs: bounded, dumped when memory runs out or grows`;

const COMPLETION_USAGE = `usage: vramscope completion bash|zsh|fish

  completion   print what makes the shell complete commands and options: eval "$(vramscope completion bash)"`;

/** By verb. */
export const USAGES: Readonly<Record<string, string>> = {
  analyze: ANALYZE_USAGE,
  diff: DIFF_USAGE,
  open: OPEN_USAGE,
  ranks: RANKS_USAGE,
  replay: REPLAY_USAGE,
  export: EXPORT_USAGE,
  facts: FACTS_USAGE,
  fleet: FLEET_USAGE,
  query: QUERY_USAGE,
  mcp: MCP_USAGE,
  recorder: RECORDER_USAGE,
  completion: COMPLETION_USAGE,
};

export const EXIT_CODES = `exit code: 0 read; 1 a condition of --fail-on holds; 2 unusable arguments; 3 a file could not be read, or not to its end;
           4 the result could not be written`;

export const USAGE = `${Object.values(USAGES).join('\n\n')}

vramscope --help, vramscope VERB --help, vramscope --version

${EXIT_CODES}`;
