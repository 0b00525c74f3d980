/** `vramscope fleet report|slurm|k8s`: what is done with thousands of ranks. */
import { lines } from '../terminal.ts';
import { k8sArguments, k8sManifest } from './k8s.ts';
import { reportArguments, reportCommand } from './report.ts';
import { slurmArguments, slurmCommand } from './slurm.ts';

interface Output {
  write(text: string): unknown;
}

export const FLEET_USAGE = `usage: vramscope fleet report DATASET [--run A [--against B]] [--rows N] [--json]
       vramscope fleet slurm PATH... --out DATASET --tasks N [--run NAME] [--rank REGEX] [--group REGEX] [--again N]
                             [--no-wait | --job ID] [--sbatch=OPTION]... [--command TEXT] [--dry-run]
       vramscope fleet k8s PATH... --out DATASET --tasks N --image NAME --claim NAME [--mount PATH] [--parallel N]
                           [--memory SIZE] [--run NAME] [--rank REGEX] [--group REGEX]

  report    which ranks are unlike the others of their group and at which line, which grows, which binds the job, which
            failed; with two runs, what changed between them
  slurm     vramscope facts as an array job: submits it, waits, names the sources of tasks that died, submits those again
  k8s       print the manifest of an Indexed Job that does the same
  --again   submit tasks that died so many times again (1)
  --no-wait print the number of the job and return; --job ID gathers it later
  --sbatch  more options for sbatch: --sbatch=--partition=gpu
  --command what starts vramscope on a node; otherwise this very program by its path`;

const EXIT_READ = 0;
const EXIT_USAGE = 2;

/** `rest`: the arguments behind "fleet". Returns the exit code. */
export async function fleetCommand(rest: readonly string[], out: Output, err: Output): Promise<number> {
  const usage = (why: string): number => {
    err.write(`${lines([`vramscope: ${why}`])}${FLEET_USAGE}\n`);
    return EXIT_USAGE;
  };
  const [what, ...given] = rest;
  if (what === 'report') {
    const asked = reportArguments(given);
    return typeof asked === 'string' ? usage(asked) : await reportCommand(asked, out, err);
  }
  if (what === 'slurm') {
    const asked = slurmArguments(given);
    return typeof asked === 'string' ? usage(asked) : await slurmCommand(asked, out, err);
  }
  if (what === 'k8s') {
    const asked = k8sArguments(given);
    if (typeof asked === 'string') return usage(asked);
    out.write(k8sManifest(asked));
    return EXIT_READ;
  }
  return usage(what === undefined ? 'fleet needs report, slurm or k8s' : `there is no fleet "${what}"`);
}
