-- Ranks whose allocated memory grows, with the line that grows most: the fastest first.
with lines_by_growth as (
  select
    run, source, device, place as line_place, growth_bytes_per_iteration as line_bytes_per_iteration,
    row_number() over (
      partition by run, source, device order by growth_bytes_per_iteration desc, place
    ) as nth
  from sites
  where growth_bytes_per_iteration > 0
)
select
  r.run, r.rank, r.source, r.device, r.growth, r.growth_confidence, r.growth_bytes_per_iteration, r.iterations,
  r.room_bytes, l.line_place, l.line_bytes_per_iteration
from ranks r
left join lines_by_growth l
  on l.run = r.run and l.source = r.source and l.device = r.device and l.nth = 1
where r.growth in ('linear_leak', 'sub_linear', 'steps_with_largest_request')
order by case when r.growth = 'linear_leak' then 0 else 1 end, coalesce(r.growth_bytes_per_iteration, 0) desc,
  r.run, r.source, r.device
