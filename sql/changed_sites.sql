-- Which lines hold more or less at the peak in run A than in run B, summed over the ranks that both runs have.
-- `compared` has one row: run_a, run_b.
with both_runs as (
  select a.source, a.device
  from compared c
  join ranks a
    on a.run = c.run_a
  join ranks b
    on b.run = c.run_b and b.source = a.source and b.device = a.device
),
held as (
  select s.place as line_place, s.source, s.device, s.peak_requested_bytes as bytes_a, 0 as bytes_b
  from compared c
  join sites s
    on s.run = c.run_a
  union all
  select s.place as line_place, s.source, s.device, 0 as bytes_a, s.peak_requested_bytes as bytes_b
  from compared c
  join sites s
    on s.run = c.run_b
)
select
  h.line_place,
  sum(h.bytes_a) as bytes_a,
  sum(h.bytes_b) as bytes_b,
  sum(h.bytes_a) - sum(h.bytes_b) as difference_bytes,
  count(distinct h.source) as source_count
from held h
join both_runs r
  on r.source = h.source and r.device = h.device
group by h.line_place
having sum(h.bytes_a) <> sum(h.bytes_b)
order by abs(sum(h.bytes_a) - sum(h.bytes_b)) desc, h.line_place
