/** Questions in SQL about all open files: the database is kept until a file comes or goes. */
import type { Table } from '../trace/table/column.ts';
import { tableOfRows } from '../trace/table/column.ts';
import { tablesOf } from '../trace/table/all.ts';
import { FINDINGS } from '../trace/table/declarations.ts';
import type { Diagnosis } from './diagnosis.ts';
import type { OpenSource } from './open-source.ts';
import { findingsTable, sourcesOf } from './tables.ts';
import { type SqlAnswer, type SqlLimits, TraceDatabase } from './trace-database.ts';

export type { SqlAnswer } from './trace-database.ts';

export interface SqlQuery extends SqlLimits {
  readonly sql: string;
}

const EVERYTHING = { source: null, device: null };

export class SqlDesk {
  private kept: { readonly key: string; readonly database: TraceDatabase } | null = null;

  /** Throws TraceError 'refused' where the question is not answered. */
  async ask(
    open: readonly OpenSource[],
    diagnosed: () => Promise<Diagnosis>,
    { sql, ...limits }: SqlQuery,
  ): Promise<SqlAnswer> {
    // A diagnosis is long work: it is done for those who ask for findings.
    const withFindings = /\bfindings\b/i.test(sql);
    const key = `${open.map(({ id }) => id).join()} ${withFindings}`;
    if (this.kept?.key !== key) {
      this.kept?.database.close();
      this.kept = null;
      const findings = withFindings
        ? findingsTable(open, EVERYTHING, await diagnosed())
        : tableOfRows(FINDINGS, []);
      const tables = [...tablesOf(sourcesOf(open, EVERYTHING)), findings as unknown as Table];
      this.kept = { key, database: await TraceDatabase.open(tables) };
    }
    try {
      return await this.kept.database.ask(sql, limits);
    } catch (thrown) {
      // What ran out of memory or time in the middle of a table is made anew for the next question.
      this.kept.database.close();
      this.kept = null;
      throw thrown;
    }
  }
}
