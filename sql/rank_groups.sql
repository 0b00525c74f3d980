-- Which group each rank belongs to: what its path names, else the lines that it runs.
-- `vramscope fleet report` finds groups of ranks without names by what they hold, too (docs/fleet.md).
select
  run,
  source,
  device,
  case when group_label <> '' then group_label else program end as group_name
from ranks
where device is not null
