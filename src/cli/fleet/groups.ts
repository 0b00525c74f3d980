/** The tables that questions about groups and about two runs need, made of a data set. */
import { groupsOfRanks } from '../../engine/rank-groups.ts';
import type { Cell, DataSet } from './data-set.ts';

const quoted = (cell: Cell): string =>
  cell === null ? 'null' : typeof cell === 'string' ? `'${cell.replaceAll("'", "''")}'` : String(cell);

/** Lines of a rank that tell which group it belongs to. */
const MOST_LINES = 40;

/** Makes `rank_groups`: by name where paths name groups, else by what ranks hold (engine/rank-groups.ts), each run by itself. */
export async function makeRankGroups(set: DataSet): Promise<void> {
  const { rows } = await set.ask(
    'select run, source, device, group_label, program, requested_peak_bytes from ranks where device is not null order by run, source, device',
  );
  const lines = new Map<string, { place: string; bytes: number }[]>();
  if (rows.some(([, , , label]) => label === '')) {
    const sites = await set.ask(
      `select run, source, device, place, peak_requested_bytes from (
         select *, row_number() over (partition by run, source, device order by peak_requested_bytes desc, place) as nth
         from sites where peak_requested_bytes > 0
       ) where nth <= ${MOST_LINES}`,
    );
    for (const [run, source, device, place, bytes] of sites.rows) {
      const key = `${run}\n${source}\n${device}`;
      const list = lines.get(key) ?? [];
      list.push({ place: String(place), bytes: Number(bytes) });
      lines.set(key, list);
    }
  }
  await set.run('create table rank_groups (run varchar, source varchar, device integer, group_name varchar)');
  for (const run of new Set(rows.map(([name]) => name))) {
    const own = rows.filter(([name]) => name === run);
    const names = groupsOfRanks(
      own.map(([, source, device, label, program, peak]) => ({
        name: String(source),
        label: String(label),
        program: String(program),
        peak: peak === null ? null : Number(peak),
        lines: lines.get(`${run}\n${source}\n${device}`) ?? [],
      })),
    );
    const values = own.map(
      ([, source, device], at) => `(${[run, source, device, names[at]].map(quoted).join(', ')})`,
    );
    if (values.length > 0) await set.run(`insert into rank_groups values ${values.join(',\n')}`);
  }
}

/** Makes `compared`: the two runs of a question about what changed. */
export async function makeCompared(set: DataSet, a: string, b: string): Promise<void> {
  await set.run(`create table compared as select ${quoted(a)} as run_a, ${quoted(b)} as run_b`);
}
