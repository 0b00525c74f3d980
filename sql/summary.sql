-- Each group of each run: how many ranks, and the least and most that they had at their peaks.
select
  r.run,
  g.group_name,
  count(*) as rank_count,
  min(r.requested_peak_bytes) as least_requested_peak,
  max(r.requested_peak_bytes) as most_requested_peak,
  min(r.reserved_peak_bytes) as least_reserved_peak,
  max(r.reserved_peak_bytes) as most_reserved_peak,
  sum(r.out_of_memory) as out_of_memory
from ranks r
join rank_groups g
  on g.run = r.run and g.source = r.source and g.device = r.device
group by r.run, g.group_name
order by r.run, g.group_name
