/**
 * The open files, and what follows from all of them together: one clock, what is known of each device, the diagnosis.
 * It holds until a file comes or goes, or the user tells something.
 */
import { breathe } from '../base/breathe.ts';
import { TraceError } from '../base/trace-error.ts';
import { diagnose } from './diagnose-sources.ts';
import type { Diagnosis } from './diagnosis.ts';
import type { DeviceSession } from './device-session.ts';
import type { DeviceSideAt } from '../analyze/ledger/non-torch-near.ts';
import { deviceSideOf } from '../analyze/device-side.ts';
import { NO_CLOCK, type OneClock } from '../analyze/clock/desk.ts';
import { clockOf, type TimedSource } from '../analyze/clock/timed-source.ts';
import { engineBudgets } from '../analyze/server/kv-cache-log.ts';
import { Faults, GivenUp, notHeld } from './faults.ts';
import type { OpenSource } from './open-source.ts';
import type { ClocksAnswer } from '../analyze/clock/answer.ts';
import type { ServerGiven } from './server-diagnosis.ts';
import { ServerDesk } from './server-desk.ts';

const timedSource = ({ id, loaded: { file, bytes, data }, sessions }: OpenSource): TimedSource => ({
  id,
  file,
  bytes,
  recordings: sessions,
  readings: data.readings ?? null,
  summaries: data.summaries,
  budgets: engineBudgets(data.readings?.budgets ?? []).at(-1)?.budgets ?? [],
});

export class OpenFiles {
  private readonly sources = new Map<number, OpenSource>();
  private readonly servers = new ServerDesk();
  private lastDiagnosis: Promise<Diagnosis> | null = null;
  private lastClock: OneClock | null = null;
  private clockFaults = new Faults();
  /** What is known of each device by its key: every ledger asked for rests on the same samples. */
  private readonly sides = new Map<string, DeviceSideAt>();
  /** Counts the times at which answers about all files became old. */
  private round = 0;
  private nextId = 1;

  /** In the order in which they were given, whichever of them was read first. */
  get all(): readonly OpenSource[] {
    return [...this.sources.values()].sort((a, b) => a.job - b.job);
  }

  /** Numbers of sources begin here: those before belong to an engine that ended. */
  startIds(first: number): void {
    this.nextId = Math.max(this.nextId, first);
  }

  /** The number of the next source; it comes to no other. */
  takeId(): number {
    return this.nextId++;
  }

  add(open: OpenSource): void {
    this.sources.set(open.id, open);
    this.forgetAnswers();
  }

  remove(id: number): OpenSource | undefined {
    const open = this.sources.get(id);
    this.sources.delete(id);
    this.servers.forget(id);
    this.forgetAnswers();
    return open;
  }

  /** Where a device is: its source, and its place in it; null: no open file has it. */
  find(device: string): { readonly open: OpenSource; readonly index: number } | null {
    for (const open of this.sources.values()) {
      const index = open.sessions.findIndex(({ key }) => key === device);
      if (index >= 0) return { open, index };
    }
    return null;
  }

  /** Place of a device's file in the order in which they were given. */
  placeOf(session: DeviceSession): number {
    return this.all.findIndex(({ sessions }) => sessions.includes(session));
  }

  /** A device to compare, by its key or by the number of a source that has one alone. Throws `refused` for others. */
  compared(asked: string | number): { readonly session: DeviceSession; readonly file: string } {
    if (typeof asked === 'string') {
      const found = this.find(asked);
      if (found === null) throw notHeld(asked);
      return { session: found.open.sessions[found.index], file: found.open.loaded.file };
    }
    const open = this.sources.get(asked);
    if (open === undefined) throw notHeld(String(asked));
    const { file } = open.loaded;
    if (open.sessions.length !== 1)
      throw new TraceError('refused', `${file} tells of ${open.sessions.length} devices.`, {
        file,
        advice: open.sessions.length === 0 ? 'Compare recordings of memory.' : 'Say which device is meant.',
      });
    return { session: open.sessions[0], file };
  }

  /** What was said of all open files together no longer holds. */
  private forgetAnswers(): void {
    this.round++;
    this.lastDiagnosis = null;
    this.lastClock = null;
    this.sides.clear();
  }

  /** All open files on one clock. */
  private clock(): OneClock {
    if (this.lastClock === null) {
      this.clockFaults = new Faults();
      const step = { sourceId: null, file: null, what: 'the common clock of the files' };
      const align = (): OneClock => this.servers.clocks.align(this.all.map(timedSource));
      this.lastClock = this.clockFaults.try(step, align, NO_CLOCK);
    }
    return this.lastClock;
  }

  /** What the open files tell of a recording's device. */
  sideOf(session: DeviceSession): DeviceSideAt {
    const known = this.sides.get(session.key);
    if (known !== undefined) return known;
    const side = deviceSideOf({ recording: session, facts: session.facts() }, this.clock());
    this.sides.set(session.key, side);
    return side;
  }

  /**
   * The diagnosis of the files open now. One that is under way when a file comes or goes is given up at its next
   * step, and who waits for it is given the new one.
   */
  diagnosis(): Promise<Diagnosis> {
    this.lastDiagnosis ??= this.diagnose();
    return this.lastDiagnosis;
  }

  private async diagnose(): Promise<Diagnosis> {
    const { round } = this;
    const step = async (): Promise<void> => {
      await breathe();
      if (round !== this.round) throw new GivenUp();
    };
    try {
      const clock = this.clock();
      const faults = new Faults([...this.clockFaults.list]);
      return await diagnose(this.all, this.servers, clock, (session) => this.sideOf(session), faults, step);
    } catch (thrown) {
      if (thrown instanceof GivenUp) return this.diagnosis();
      throw thrown;
    }
  }

  /** Throws `unsupported` for a source that carries no times. */
  setClockOffset(id: number, offsetNs: bigint | null): ClocksAnswer {
    const open = this.sources.get(id);
    if (open === undefined) throw new TraceError('internal', 'no such source');
    const { file } = open.loaded;
    if (clockOf(timedSource(open)) === 'none')
      throw new TraceError('unsupported', `${file} carries no times to move.`, { file });
    this.servers.clocks.set(id, offsetNs);
    this.forgetAnswers();
    return this.clock().answer;
  }

  setServer(id: number, given: ServerGiven): void {
    this.servers.setServer(id, given);
    this.forgetAnswers();
  }
}
