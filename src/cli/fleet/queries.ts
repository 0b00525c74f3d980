/** The questions of sql/, by name: what `fleet report` asks, and `query --saved NAME`. */
import binding from '../../../sql/binding.sql?raw';
import changedSites from '../../../sql/changed_sites.sql?raw';
import changes from '../../../sql/changes.sql?raw';
import failures from '../../../sql/failures.sql?raw';
import findings from '../../../sql/findings.sql?raw';
import growth from '../../../sql/growth.sql?raw';
import outlierSites from '../../../sql/outlier_sites.sql?raw';
import outliers from '../../../sql/outliers.sql?raw';
import rankGroups from '../../../sql/rank_groups.sql?raw';
import restarts from '../../../sql/restarts.sql?raw';
import summary from '../../../sql/summary.sql?raw';

export const QUERIES = {
  summary,
  outliers,
  outlier_sites: outlierSites,
  binding,
  growth,
  findings,
  failures,
  restarts,
  changes,
  changed_sites: changedSites,
  rank_groups: rankGroups,
} as const;

export type QueryName = keyof typeof QUERIES;
export const QUERY_NAMES = Object.keys(QUERIES) as readonly QueryName[];
