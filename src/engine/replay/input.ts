/** What the questions about a replay have in common: the device's replay, settings by string, limits, sites by name. */
import { TraceError } from '../../base/trace-error.ts';
import { holderLabel } from '../../analyze/user-frames.ts';
import { parseAllocConf } from '../../replay/alloc-conf.ts';
import { allocConfLine } from '../../replay/alloc-conf-print.ts';
import { type AllocationMask, allocationsWhere, runsThrough } from '../../replay/edits.ts';
import type { SelfReplay } from '../../replay/replay-result.ts';
import type { AllocatorSettings } from '../../replay/settings.ts';
import { confOf } from '../../replay/sweep-effect.ts';
import type { SweepLimits } from '../../replay/sweep.ts';
import type { ReplayPlace } from '../../replay/what-if.ts';
import type { DeviceSession } from '../device-session.ts';
import type { ConfAnswer, ReplayLimits, SettingsView, SiteSelector } from '../replay-protocol.ts';

/** Throws `refused` for a device without events of PyTorch's allocator, `corrupt` for events that no allocator can have made. */
export function replayOf({ replay, replayFault, trace }: DeviceSession): SelfReplay {
  if (replay !== null) return replay;
  if (replayFault !== null)
    throw new TraceError('corrupt', replayFault, { advice: 'Copy the file again, or record it again.' });
  throw new TraceError(
    'refused',
    trace.producer === 'torch'
      ? 'there are no allocations to replay: the file holds no history'
      : "there is nothing to replay: this is not a recording of PyTorch's allocator",
    {
      advice:
        trace.producer === 'torch'
          ? 'Call torch.cuda.memory._record_memory_history() before the work, and _dump_snapshot() after it.'
          : 'Record with torch.cuda.memory._record_memory_history() and _dump_snapshot().',
    },
  );
}

export const placeOf = ({ streamRank, privatePools, addresses }: SelfReplay): ReplayPlace => ({
  streamRank,
  pools: 1 + privatePools.length,
  addresses,
});

export const settingsView = (values: AllocatorSettings): SettingsView => ({ conf: confOf(values), values });

/** Settings of a question; those recorded where it names none. Throws `refused` with PyTorch's message. */
export function settingsAsked(
  session: DeviceSession,
  asked: string | AllocatorSettings | null,
): AllocatorSettings {
  if (asked === null) return session.settings.settings;
  if (typeof asked !== 'string') return asked;
  const parsed = parseAllocConf(asked);
  if (parsed.ok) return parsed.value.settings;
  const { message, problem, offset, advice } = parsed.error;
  throw new TraceError('refused', message, {
    offset,
    advice: advice === null ? problem : `${problem} Instead: ${advice}.`,
  });
}

/**
 * The limits of a question. `per_process_memory_fraction` is a share of the card: it acts where the card is named.
 */
export function limitsOf({ cap, capacity }: ReplayLimits, settings: AllocatorSettings): SweepLimits {
  const fraction = settings.perProcessMemoryFraction;
  const own = fraction === null || capacity === null ? Infinity : Math.floor(fraction * capacity);
  return { limit: Math.min(cap ?? Infinity, own), capacity: capacity ?? Infinity };
}

export function maskOf(session: DeviceSession, replay: SelfReplay, site: SiteSelector): AllocationMask {
  const { stacks } = session.source;
  if ('stack' in site) return allocationsWhere(replay.requests, (stack) => stack === site.stack);
  if ('through' in site)
    return allocationsWhere(replay.requests, (stack) => runsThrough(stacks, stack, site.through));
  return allocationsWhere(replay.requests, (stack) => holderLabel(stacks, stack) === site.label);
}

export function confAnswer(text: string): ConfAnswer {
  const parsed = parseAllocConf(text);
  if (!parsed.ok) return { ok: false, ...parsed.error };
  const { settings, ignored, notes } = parsed.value;
  const view = settingsView(settings);
  return {
    ok: true,
    ...view,
    ignored,
    notes,
    line: view.conf === null ? null : allocConfLine(settings),
  };
}
