/**
 * Everything a diagnosis needs to know of logs, monitors and servers, over all open sources; each thing worked out
 * once and on first use. Of devices' recordings only their settings are asked here (device-facts.ts has the rest).
 */
import { lazyGetters } from '../base/lazy.ts';
import { settingsOfSnapshot } from '../replay/alloc-conf-snapshot.ts';
import type { LogEvent } from '../trace/readings.ts';
import type { ReadSource, ServerFactsInput } from './read-source.ts';
import {
  type Card,
  cardsOf,
  type End,
  endsOf,
  type Fall,
  fallsOf,
  type Slice,
  slicesOf,
} from './server/facts-cards.ts';
import { type Fullness, fullnessOf } from './server/facts-fullness.ts';
import { type GaugeGrowth, gaugeGrowths, type PrintedGrowth, printedGrowths } from './server/facts-growth.ts';
import { type ServerLog, serverLogOf } from './server/facts-log.ts';
import { type PrintedCache, printedCaches } from './server/printed-cache.ts';
import { type PrintedRise, printedRises } from './server/printed-rises.ts';
import { type SummaryOoms, summaryOoms } from './server/summary-ooms.ts';
import { type Unlisted, unlistedOf } from './server/facts-unlisted.ts';
import { bucketsOf, type SourceBuckets } from './server/facts-requests.ts';

/** An out-of-memory message of a log. */
export interface LoggedOom {
  readonly source: ReadSource;
  readonly event: LogEvent;
  /** How often it stands in the log, word for word. */
  readonly times: number;
}

const isNsys = ({ format }: ReadSource): boolean => format?.startsWith('nsys') === true;

export class ServerFacts {
  static {
    lazyGetters(this);
  }

  constructor(readonly input: ServerFactsInput) {}

  get sources(): readonly ReadSource[] {
    return this.input.sources;
  }

  get servers(): readonly ServerLog[] {
    return this.sources.flatMap((source) => serverLogOf(source) ?? []);
  }

  get gaugeGrowth(): readonly GaugeGrowth[] {
    return gaugeGrowths(this.sources);
  }

  /** Allocated and reserved that one program printed, judged together. */
  get printedGrowth(): readonly PrintedGrowth[] {
    return printedGrowths(this.gaugeGrowth, this.sources);
  }

  /** What rises in a program's own lines, where allocated and reserved together do not tell more. */
  get printedRises(): readonly PrintedRise[] {
    return printedRises(this.gaugeGrowth, this.printedGrowth, this.sources);
  }

  /** What is reserved and not allocated at the end of a program's own lines, or of one memory summary. */
  get printedCaches(): readonly PrintedCache[] {
    return printedCaches(this.sources, this.printedGrowth);
  }

  get summaryOoms(): readonly SummaryOoms[] {
    return summaryOoms(this.sources);
  }

  get fullness(): readonly Fullness[] {
    return fullnessOf(this.sources);
  }

  get cards(): readonly Card[] {
    return cardsOf(this.sources);
  }

  get unlisted(): readonly Unlisted[] {
    return unlistedOf(this.sources);
  }

  get ends(): readonly End[] {
    return endsOf(this.sources);
  }

  get falls(): readonly Fall[] {
    return fallsOf(this.sources);
  }

  get slices(): readonly Slice[] {
    return slicesOf(this.sources);
  }

  get buckets(): readonly SourceBuckets[] {
    return bucketsOf(this.input);
  }

  /** Calls for memory that the driver refused, as recordings of Nsight Systems have them, by source. */
  get refusals(): readonly { readonly source: ReadSource; readonly events: readonly LogEvent[] }[] {
    return this.sources.filter(isNsys).flatMap((source) => {
      const events = (source.readings?.events ?? []).filter(({ kind }) => kind === 'oom');
      return events.length === 0 ? [] : [{ source, events }];
    });
  }

  /** Messages of programs, word for word. */
  get ooms(): readonly LoggedOom[] {
    return this.sources.flatMap((source) => {
      if (isNsys(source)) return [];
      const byText = new Map<string, { event: LogEvent; times: number }>();
      for (const event of source.readings?.events ?? []) {
        if (event.kind !== 'oom') continue;
        const known = byText.get(event.text);
        if (known === undefined) byText.set(event.text, { event, times: 1 });
        else known.times++;
      }
      return [...byText.values()].map(({ event, times }) => ({ source, event, times }));
    });
  }

  /** Whether expandable segments are in force, as a recording among the sources tells; null: none does. */
  get expandableSegments(): boolean | null {
    const recorded = this.sources.filter(({ format }) => format === 'torch-snapshot');
    if (recorded.length === 0) return null;
    return recorded.some(({ settings }) => settingsOfSnapshot(settings).settings.expandableSegments);
  }
}
