/**
 * Allocated and reserved are judged apart; together they say what grows.
 *
 *   allocated      reserved        conclusion
 *   grows          any             leak: the program keeps more and more
 *   ends           grows           pending free, where active grows; else fragmentation: the cache grows though
 *                                  the program keeps no more
 *   ends           ends, or steps  caching allocator: no leak
 *   ends           none            no growth
 *   cannot tell    any             cannot tell (but reserved that ends bounds both)
 */
import type { GrowthVerdict } from './verdict.ts';

export type GrowthConclusion =
  | 'leak'
  | 'slowing_growth'
  | 'pending_free'
  | 'fragmentation'
  | 'caching_allocator'
  | 'warm_up'
  | 'no_growth'
  | 'cannot_tell';

export interface CombinedGrowth {
  readonly conclusion: GrowthConclusion;
  readonly confidence: GrowthVerdict['confidence'];
  readonly sentence: string;
}

const ORDER = ['low', 'medium', 'high'] as const;

const lower = (a: GrowthVerdict, b: GrowthVerdict): GrowthVerdict['confidence'] =>
  ORDER[Math.min(ORDER.indexOf(a.confidence), ORDER.indexOf(b.confidence))];

const ends = ({ kind }: GrowthVerdict): boolean =>
  kind === 'none' || kind === 'warm_up_plateau' || kind === 'steps_with_largest_request';

const grows = ({ kind }: GrowthVerdict): boolean => kind === 'linear_leak' || kind === 'sub_linear';

/**
 * The plain conclusion of the verdicts on allocated and on reserved bytes of one device. `active`: the verdict on
 * active bytes (allocated and waiting to be freed), which tells fragmentation from blocks that wait for a stream.
 */
export function combineGrowth(
  allocated: GrowthVerdict,
  reserved: GrowthVerdict,
  active?: GrowthVerdict,
): CombinedGrowth {
  const confidence = lower(allocated, reserved);
  const told = (conclusion: GrowthConclusion, sentence: string, sure = confidence): CombinedGrowth => ({
    conclusion,
    confidence: sure,
    sentence,
  });
  if (allocated.kind === 'linear_leak')
    return told(
      'leak',
      'Allocated memory grows steadily and nothing in the recording bounds it: the program keeps more with every iteration. Reserved follows because it must.',
      allocated.confidence,
    );
  if (allocated.kind === 'sub_linear')
    return told(
      'slowing_growth',
      'Allocated memory still grows, ever slower: a cache that fills, or a leak that depends on the input. The recording is too short to show its end.',
      allocated.confidence,
    );
  if (allocated.kind === 'cannot_tell') {
    if (ends(reserved) && reserved.kind !== 'steps_with_largest_request')
      return told(
        'cannot_tell',
        'Whether allocated memory grows cannot be told; reserved memory, which holds it, does not grow any more within the recording.',
        'low',
      );
    return told('cannot_tell', 'Whether allocated memory grows cannot be told from this recording.', 'low');
  }
  if (grows(reserved)) {
    if (active !== undefined && grows(active))
      return told(
        'pending_free',
        'Allocated memory does not grow, but freed blocks wait for another stream (record_stream) and pile up: reserved memory grows with them.',
      );
    if (active === undefined)
      return told(
        'fragmentation',
        'Allocated memory does not grow, reserved memory does: the program keeps no more. Either free blocks do not fit new requests (fragmentation), or freed blocks wait for another stream (record_stream).',
        'low',
      );
    return told(
      'fragmentation',
      'Neither allocated memory nor what waits to be freed grows, reserved memory does: free blocks do not fit new requests (fragmentation), so the allocator reserves more.',
    );
  }
  if (reserved.kind === 'cannot_tell')
    return told(
      'cannot_tell',
      `${allocated.confidence === 'low' ? 'Allocated memory shows no growth, though a small leak would not show' : 'Allocated memory does not grow'}. Whether reserved memory goes on growing cannot be told from this recording.`,
      'low',
    );
  if (reserved.kind === 'steps_with_largest_request')
    return told(
      'caching_allocator',
      `Allocated memory does not grow; reserved memory steps up with each new ${reserved.boundBy?.name ?? 'largest request'} and keeps what it has. That is the caching allocator, not a leak: it ends where requests get no larger.`,
    );
  if (reserved.kind === 'warm_up_plateau') {
    if (allocated.kind === 'none')
      return told(
        'caching_allocator',
        'Allocated memory is flat; reserved memory grew while the caching allocator warmed up and then stays. Not a leak.',
      );
    return told('warm_up', 'Both grew during warm-up and then stay: no leak.');
  }
  return allocated.kind === 'none'
    ? told('no_growth', 'Neither allocated nor reserved memory grows from iteration to iteration.')
    : told('warm_up', 'Allocated memory grew at first, inside what was reserved already, and then stays.');
}
