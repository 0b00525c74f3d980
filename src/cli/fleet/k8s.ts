/** `vramscope fleet k8s`: an Indexed Job for Kubernetes that reads the sources, a share a pod, on a volume that all see. */
import { takeOption } from '../take-option.ts';
import { type ArrayArguments, arrayArguments, taskArguments } from './array-job.ts';
import { shellWords } from './shell-words.ts';

export interface K8sArguments extends ArrayArguments {
  readonly image: string;
  /** PersistentVolumeClaim that holds the sources and takes the data set. */
  readonly claim: string;
  /** Where it is mounted; paths lie below. */
  readonly mount: string;
  readonly parallel: number;
  readonly memory: string;
}

/** The arguments after "fleet k8s", or why they cannot be used. */
export function k8sArguments(argv: readonly string[]): K8sArguments | string {
  const rest = [...argv];
  const [image, claim, mount, parallel, memory] = [
    '--image',
    '--claim',
    '--mount',
    '--parallel',
    '--memory',
  ].map((name) => takeOption(rest, name));
  if (image == null || image === '') return 'fleet k8s needs an image that has vramscope: --image NAME';
  if (claim == null || !/^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/.test(claim))
    return `--claim needs the name of a PersistentVolumeClaim${claim == null ? '' : `, not "${claim}"`}`;
  if (mount === null || (mount !== undefined && !mount.startsWith('/'))) return '--mount needs a path from /';
  if (parallel === null || (parallel !== undefined && !/^[1-9]\d{0,5}$/.test(parallel)))
    return `--parallel needs a number, not "${parallel ?? ''}"`;
  if (memory === null || (memory !== undefined && !/^\d+(?:Mi|Gi)$/.test(memory)))
    return '--memory needs a size like 4Gi';
  const array = arrayArguments(rest, 'fleet k8s');
  if (typeof array === 'string') return array;
  const at = mount ?? '/data';
  const outside = [...array.facts.paths, array.facts.out].find(
    (path) => path !== at && !path.startsWith(at.endsWith('/') ? at : `${at}/`),
  );
  if (outside !== undefined) return `"${outside}" does not lie below ${at}, where the volume is mounted`;
  return {
    ...array,
    image,
    claim,
    mount: at,
    parallel: parallel === undefined ? Math.min(array.tasks, 16) : Number(parallel),
    memory: memory ?? '4Gi',
  };
}

/** YAML; every text is written as JSON, which YAML is a superset of. */
export function k8sManifest({ facts, tasks, image, claim, mount, parallel, memory }: K8sArguments): string {
  const name = `vramscope-facts-${facts.run
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 40)}`;
  const script = `exec vramscope ${shellWords(taskArguments(facts))} --threads 1 --task "$JOB_COMPLETION_INDEX/${tasks}"`;
  const text = (value: string): string => JSON.stringify(value);
  return `# A share of the sources for each pod; a pod that dies is begun again, and leaves what is there as it is.
apiVersion: batch/v1
kind: Job
metadata:
  name: ${text(name)}
spec:
  completionMode: Indexed
  completions: ${tasks}
  parallelism: ${parallel}
  backoffLimitPerIndex: 2
  template:
    spec:
      restartPolicy: Never
      containers:
        - name: facts
          image: ${text(image)}
          command: ["sh", "-c", ${text(script)}]
          resources:
            requests: { cpu: "1", memory: ${text(memory)} }
            limits: { memory: ${text(memory)} }
          volumeMounts:
            - name: data
              mountPath: ${text(mount)}
      volumes:
        - name: data
          persistentVolumeClaim:
            claimName: ${text(claim)}
`;
}
