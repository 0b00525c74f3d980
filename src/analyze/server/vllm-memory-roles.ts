/**
 * Which of vLLM's snapshots is which: by its name in the text, else by the order in which they stand there.
 *
 *   "worker init memory snapshot"   before_create      vLLM's own line (DEBUG)
 *   "result.before_profile"         before_profile
 *   "", "", ""                      before_create, before_profile, after_profile: by order
 */

export type SnapshotRole =
  | 'before_create'
  | 'before_profile'
  | 'after_profile'
  /** Of something that was not profiled by vLLM. */
  | 'before'
  | 'after'
  /** The text calls it a difference of two. */
  | 'difference'
  | 'other';

export interface GivenRole {
  readonly role: SnapshotRole;
  readonly from: 'label' | 'order' | null;
}

const NAMES: readonly (readonly [RegExp, SnapshotRole])[] = [
  [/\bdiff(?:erence)?\b|\bdelta\b/, 'difference'],
  [/\bbefore (?:the )?(?:creat|load|model|init|vllm)|\binit\b|\binitial\b|\bbaseline\b/, 'before_create'],
  [/\bbefore (?:the )?profil/, 'before_profile'],
  [/\bafter (?:the )?profil/, 'after_profile'],
  [/\bbefore\b/, 'before'],
  [/\bafter\b/, 'after'],
];

function roleOfLabel(label: string): SnapshotRole | null {
  const words = label.toLowerCase().replace(/[_.\-\s]+/g, ' ');
  return NAMES.find(([name]) => name.test(words))?.[1] ?? null;
}

const BY_ORDER: Readonly<Record<number, readonly SnapshotRole[]>> = {
  2: ['before', 'after'],
  3: ['before_create', 'before_profile', 'after_profile'],
};

/** A role for each label, in the order of the text. Order decides only where no label says anything. */
export function rolesOf(labels: readonly string[]): GivenRole[] {
  const told = labels.map(roleOfLabel);
  const moments = told.filter((role) => role !== 'difference');
  if (moments.every((role) => role === null) && BY_ORDER[moments.length] !== undefined) {
    const order = [...BY_ORDER[moments.length]];
    return told.map((role): GivenRole =>
      role === 'difference' ? { role, from: 'label' } : { role: order.shift() ?? 'other', from: 'order' },
    );
  }
  // "before" and "after" beside one from before the instance was created are those of the profiling.
  const isProfiling = told.includes('before_create');
  return told.map((role): GivenRole => {
    if (role === null) return { role: 'other', from: null };
    if (isProfiling && role === 'before') return { role: 'before_profile', from: 'label' };
    if (isProfiling && role === 'after') return { role: 'after_profile', from: 'label' };
    return { role, from: 'label' };
  });
}
