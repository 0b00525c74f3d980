-- Ranks whose peak is unlike that of the others in their group: farther from the median than five usual distances
-- (the median distance, times 1.4826), and by 8 MiB and 1 % of the median at least. Groups of fewer than four ranks,
-- and ranks whose figures are lower bounds, are not judged. The farthest first.
with figures as (
  select run, rank, source, device, 'allocated' as figure, allocated_peak_bytes as bytes
  from ranks where exact and allocated_peak_bytes is not null
  union all
  select run, rank, source, device, 'requested' as figure, requested_peak_bytes as bytes
  from ranks where exact and requested_peak_bytes is not null
  union all
  select run, rank, source, device, 'reserved' as figure, reserved_peak_bytes as bytes
  from ranks where exact and reserved_peak_bytes is not null
),
judged as (
  select f.run, f.rank, f.source, f.device, f.figure, f.bytes, g.group_name
  from figures f
  join rank_groups g
    on g.run = f.run and g.source = f.source and g.device = f.device
),
placed as (
  select
    run, rank, source, device, figure, bytes, group_name,
    row_number() over (partition by run, group_name, figure order by bytes, source, device) as place,
    count(*) over (partition by run, group_name, figure) as rank_count
  from judged
),
medians as (
  select run, group_name, figure, max(rank_count) as rank_count, avg(bytes) as median_bytes
  from placed
  where 2 * place in (rank_count, rank_count + 1, rank_count + 2)
  group by run, group_name, figure
),
distances as (
  select
    p.run, p.rank, p.source, p.device, p.figure, p.bytes, p.group_name,
    m.rank_count, m.median_bytes, p.bytes - m.median_bytes as difference_bytes,
    abs(p.bytes - m.median_bytes) as distance
  from placed p
  join medians m
    on m.run = p.run and m.group_name = p.group_name and m.figure = p.figure
),
ranked as (
  select
    run, group_name, figure, distance,
    row_number() over (partition by run, group_name, figure order by distance, source, device) as place,
    count(*) over (partition by run, group_name, figure) as rank_count
  from distances
),
usual as (
  select run, group_name, figure, avg(distance) * 1.4826 as usual_distance
  from ranked
  where 2 * place in (rank_count, rank_count + 1, rank_count + 2)
  group by run, group_name, figure
)
select
  d.run, d.rank, d.source, d.device, d.group_name, d.rank_count, d.figure, d.bytes, d.median_bytes,
  d.difference_bytes, u.usual_distance
from distances d
join usual u
  on u.run = d.run and u.group_name = d.group_name and u.figure = d.figure
where d.rank_count >= 4
  and d.distance >= 8388608
  and d.distance >= 0.01 * d.median_bytes
  and d.distance > 5 * u.usual_distance
order by d.distance desc, d.run, d.source, d.device, d.figure
