-- For every rank and line: what it holds at the peak, less the median of its group (a rank without the line holds 0).
-- What is 1 MiB and more from it, the farthest first.
with members as (
  select g.run, g.source, g.device, g.group_name, r.rank
  from rank_groups g
  join ranks r
    on r.run = g.run and r.source = g.source and r.device = g.device
),
sizes as (
  select run, group_name, count(*) as rank_count from members group by run, group_name
),
held as (
  select
    m.run, m.rank, m.source, m.device, m.group_name, s.place as line_place, s.peak_requested_bytes as bytes,
    s.peak_count as allocations
  from sites s
  join members m
    on m.run = s.run and m.source = s.source and m.device = s.device
),
placed as (
  select
    h.run, h.group_name, h.line_place, h.bytes, z.rank_count,
    row_number() over (partition by h.run, h.group_name, h.line_place order by h.bytes, h.source, h.device)
      + z.rank_count
      - count(*) over (partition by h.run, h.group_name, h.line_place) as place
  from held h
  join sizes z
    on z.run = h.run and z.group_name = h.group_name
),
medians as (
  select run, group_name, line_place, sum(bytes) as middle_bytes, max(rank_count) as rank_count
  from placed
  where 2 * place in (rank_count, rank_count + 1, rank_count + 2)
  group by run, group_name, line_place
),
every_line as (
  select m.run, m.rank, m.source, m.device, m.group_name, l.line_place
  from members m
  join (select distinct run, group_name, line_place from held) l
    on l.run = m.run and l.group_name = m.group_name
),
differences as (
  select
    e.run, e.rank, e.source, e.device, e.group_name, e.line_place,
    coalesce(h.bytes, 0) as bytes,
    coalesce(h.allocations, 0) as allocations,
    case
      when d.middle_bytes is null then 0.0
      when d.rank_count - 2 * floor(d.rank_count / 2) = 1 then 1.0 * d.middle_bytes
      else d.middle_bytes / 2.0
    end as median_bytes
  from every_line e
  left join held h
    on h.run = e.run and h.source = e.source and h.device = e.device and h.line_place = e.line_place
  left join medians d
    on d.run = e.run and d.group_name = e.group_name and d.line_place = e.line_place
)
select
  run, rank, source, device, group_name, line_place, bytes, allocations, median_bytes,
  bytes - median_bytes as difference_bytes
from differences
where abs(bytes - median_bytes) >= 1048576
order by abs(bytes - median_bytes) desc, run, source, device, line_place
