/** Memory of a GPU that is in use while its tool lists no process at all: whose it is the list cannot tell, and where to look. */
import type { Unlisted } from '../analyze/server/facts-unlisted.ts';
import { evidence, type Finding } from './finding.ts';
import { aboutServer, type ServerRule } from './server-rule.ts';
import { code, exactSize, size } from './words.ts';

function findingOf({ source, device, used, total }: Unlisted): Finding {
  const where = device === null ? 'the GPU' : `GPU ${device}`;
  return aboutServer({
    id: 'unlisted-memory',
    device,
    severity: 'risk',
    title: `${size(used)} of ${where} are in use and no process is listed`,
    verdict:
      'The driver counts memory as given out and nvidia-smi shows nobody who has it. In a container and in WSL2 that is the rule: neither shows processes outside of its own. On the host it is a process that has ended badly and is not gone yet (a zombie, workers of a killed launcher), one of another user that a hidden /proc keeps out, or a virtual machine that has the GPU.',
    confidence: 'medium',
    confidenceWhy:
      'That much is in use and nobody listed is certain; which of the causes it is the table does not tell.',
    evidence: [
      evidence(
        `${source.file}: ${exactSize(used)}${total === null ? '' : ` of ${exactSize(total)}`} in use on ${where}; "No running processes found".`,
      ),
    ],
    remedy: `On the host, as root: ${code('nvidia-smi')}, then ${code('fuser -v /dev/nvidia*')} names who has the device open. End what is left over (${code('ps -ef | grep defunct')}: the parent of a zombie); where nobody has it open, ${code('nvidia-smi --gpu-reset')} gives it back, and nothing may run on that GPU then.`,
    gainBytes: null,
    gainHow: null,
    wouldChange: 'The same table from the host.',
  });
}

export const unlistedMemory: ServerRule = ({ unlisted }) => unlisted.map(findingOf);
