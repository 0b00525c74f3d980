/**
 * Makes docs/tables.md and docs/facts.md from the declarations of the tables (src/trace/table/declarations.ts, facts.ts):
 *
 *   node scripts/tables-doc.mjs
 *
 * test/trace/tables-doc.test.ts fails where the two differ.
 */
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

const ARROW = {
  int64: 'Int64',
  uint64: 'UInt64',
  float64: 'Float64',
  int32: 'Int32',
  uint32: 'UInt32',
  uint16: 'UInt16',
  bool: 'Bool',
  utf8: 'Utf8',
  dictionary8: 'Utf8, dictionary of UInt8',
  dictionary16: 'Utf8, dictionary of UInt16',
  dictionary32: 'Utf8, dictionary of UInt32',
};

const INTRO = `# Tables

<!-- Made by scripts/tables-doc.mjs from src/trace/table/declarations.ts: change that, and run it. -->

What vramscope has read, as tables for pandas, polars, DuckDB or a spreadsheet. They are the same in the page ("Save" beside a file's name), in \`element.tables()\` ([embed.md](embed.md)) and from the command ([cli.md](cli.md)):

\`\`\`sh
vramscope export snapshot.pickle --table all --format parquet -o tables/
duckdb -c "select stream, sum(size) from 'tables/events.parquet' where action = 'alloc' group by stream"
\`\`\`

## Formats

| format | is | 64-bit integers | null |
| --- | --- | --- | --- |
| \`arrow\` | Arrow IPC file (Feather 2), not compressed | as they are | validity bitmaps |
| \`parquet\` | Parquet, Snappy, a row group for each 131,072 rows | as they are | definition levels |
| \`csv\` | UTF-8, a header line, RFC 4180 with \`\\n\` | digits | nothing between the commas; an empty text is \`""\` |
| \`jsonl\` | one JSON object a line | a number up to 2^53, a string of digits beyond | \`null\` |

In CSV a text that a spreadsheet would run as a formula (it begins with \`=\`, \`+\`, \`-\`, \`@\`, a tab or a line break) gets an apostrophe before it, and so does a text that begins with an apostrophe: take one away where one stands first, and every text is as it was. Infinities are \`inf\` and \`-inf\` in CSV, and the strings \`"Infinity"\` and \`"-Infinity"\` in JSON lines. Read CSV and JSON lines with the types below: \`time_ns\` and addresses do not fit into a float.

Bytes of segments, blocks and pools are whole numbers below 2^53: as Float64 they are exact.

Arrow and Parquet carry metadata: \`vramscope.schema\` (the version of these tables, VERSION), \`vramscope.table\`, and \`vramscope.sources\`, a JSON list that gives each file's number, name, format and producer, the clock of a log, and each device with its name, its clock (\`wall\`: Unix time; \`session\`: since the profiler's start; \`none\`: row numbers) and \`base_ns\`, the moment that the page calls 0.

\`source\` numbers the files in the order in which they were opened, also those that have no row in a table. Names of files can repeat, their numbers cannot: join by \`source\`.

A new table, or a new column at the end of one, does not change the version; a change of a name, a type or a meaning does.
`;

const FACTS_INTRO = `# Tables of a data set

<!-- Made by scripts/tables-doc.mjs from src/trace/table/facts.ts: change that, and run it. -->

What \`vramscope facts\` writes ([fleet.md](fleet.md)): Parquet files, one for each source and table, split by run and rank as Hive does.

\`\`\`
DATASET/ranks/run=monday/rank=17/rank17.pickle-1f2e3d4c.parquet
DATASET/sites/run=monday/rank=17/rank17.pickle-1f2e3d4c.parquet
\`\`\`

\`run\` and \`rank\` stand in the path alone; read them as texts. \`rank\` is the number that the path of a source names ("rank17", "rank-0017"), else the path itself. Join by \`run\`, \`source\` and \`device\`. A table has no file for a source that has no row in it. \`ranks\` is written last: a source that has no part there was not read to its end.

Metadata of each file: \`vramscope.facts\` (the version of these tables, VERSION), \`vramscope.table\`, and \`vramscope.fingerprint\`, the SHA-256 of the source's size, first and last MiB. A new table, or a new column at the end of one, does not change the version; a change of a name, a type or a meaning does.
`;

/** The page of the documentation. `intro`: of the tables of one trace where it is left out. */
export function tablesDoc(declarations, version, intro = INTRO) {
  const cell = (text) => text.replaceAll('|', '\\|');
  const tables = declarations.map(({ name, doc, fields }) => {
    const rows = Object.entries(fields).map(
      ([field, { type, nullable, doc: what }]) =>
        `| \`${field}\` | ${ARROW[type]}${nullable ? ', nullable' : ''} | ${cell(what)} |`,
    );
    return [`## \`${name}\``, '', cell(doc), '', '| column | type | |', '| --- | --- | --- |', ...rows].join(
      '\n',
    );
  });
  return `${intro.replace('VERSION', `now ${version}`)}\n${tables.join('\n\n')}\n`;
}

export const factsDoc = (declarations, version) => tablesDoc(declarations, version, FACTS_INTRO);

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { runnerImport } = await import('vite');
  const { module } = await runnerImport(join(ROOT, 'src/trace/table/declarations.ts'), { configFile: false });
  writeFileSync(join(ROOT, 'docs/tables.md'), tablesDoc(module.DECLARATIONS, module.SCHEMA_VERSION));
  const { module: facts } = await runnerImport(join(ROOT, 'src/trace/table/facts.ts'), { configFile: false });
  writeFileSync(join(ROOT, 'docs/facts.md'), factsDoc(facts.FACT_TABLES, facts.FACTS_VERSION));
}
