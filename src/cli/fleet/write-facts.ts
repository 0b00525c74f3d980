/** Reads one source and writes its parts of a data set: `ranks` last, so that where it is, all is. */
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type AboutSource, failedTables, isPartOf, type PartsDone, writeParts } from '../../engine/facts.ts';
import { Engine } from '../../engine/engine.ts';
import { NewFile } from '../new-file.ts';
import { reasonOf } from '../open-files.ts';
import { openPaths } from '../open-paths.ts';
import { fingerprintOf, type ListedSource, partName } from './list-sources.ts';

/** What is asked of one worker at a time. */
export interface FactsJob extends ListedSource {
  readonly out: string;
  readonly run: string;
  /** Leave it as it is where its parts are of the same bytes and version. */
  readonly resume: boolean;
}

export interface FactsDone {
  readonly source: string;
  readonly status: 'whole' | 'damaged' | 'failed' | 'kept';
  readonly why: string | null;
}

const partOf = (job: FactsJob, table: string): string =>
  join(job.out, table, `run=${job.run}`, `rank=${job.rank}`, partName(job.source));

/** Whether the parts of a source are those of these very bytes, made by this version. */
async function isThere(job: FactsJob, fingerprint: string): Promise<boolean> {
  try {
    return await isPartOf(readFileSync(partOf(job, 'ranks')), fingerprint);
  } catch {
    // Not there, or not whole: it is read.
    return false;
  }
}

type FactTables = Awaited<ReturnType<Engine['facts']>>;

async function write(job: FactsJob, tables: FactTables, about: AboutSource): Promise<FactsDone> {
  const done: PartsDone = await writeParts(tables, about.fingerprint, {
    remove: (table) => rmSync(partOf(job, table), { force: true }),
    open: (table) => {
      const path = partOf(job, table);
      mkdirSync(dirname(path), { recursive: true });
      return new NewFile(path);
    },
  });
  return { source: job.source, ...done };
}

/** The row of a source that could not be read at all. Throws where the data set cannot be written. */
export function writeFailed(job: FactsJob, why: string): Promise<FactsDone> {
  const { bytes, fingerprint } = about(job) ?? { bytes: 0, fingerprint: '' };
  const { source, rankNumber, group } = job;
  const told = { source, rankNumber, group, bytes, fingerprint };
  return write(job, failedTables(told, why), told);
}

function about(job: FactsJob): { readonly bytes: number; readonly fingerprint: string } | null {
  try {
    return fingerprintOf(job.path);
  } catch {
    return null;
  }
}

/** Reads a source and writes its parts. Throws where the data set cannot be written; a source that fails is a row. */
export async function writeFacts(job: FactsJob): Promise<FactsDone> {
  const { source, rankNumber, group } = job;
  let known: ReturnType<typeof fingerprintOf>;
  try {
    known = fingerprintOf(job.path);
  } catch (thrown) {
    return await writeFailed(job, `cannot read ${source}: ${reasonOf(thrown)}`);
  }
  if (job.resume && (await isThere(job, known.fingerprint))) return { source, status: 'kept', why: null };
  const told: AboutSource = { source, rankNumber, group, ...known };
  const engine = new Engine();
  await engine.start({ gpu: 'off' });
  let tables: FactTables;
  try {
    const views = await openPaths(engine, [job.path], () => undefined);
    tables = views.length === 0 ? failedTables(told, 'nothing was found in it') : await engine.facts(told);
  } catch (thrown) {
    tables = failedTables(told, reasonOf(thrown));
  }
  return await write(job, tables, told);
}
