-- What differs between two runs of the fleet, rank by rank: A less B at the peaks. `compared` has one row: run_a, run_b.
select
  a.rank, a.source, a.device,
  a.requested_peak_bytes - b.requested_peak_bytes as requested_difference,
  a.allocated_peak_bytes - b.allocated_peak_bytes as allocated_difference,
  a.reserved_peak_bytes - b.reserved_peak_bytes as reserved_difference
from compared c
join ranks a
  on a.run = c.run_a
join ranks b
  on b.run = c.run_b and b.source = a.source and b.device = a.device
where a.requested_peak_bytes <> b.requested_peak_bytes
  or a.allocated_peak_bytes <> b.allocated_peak_bytes
  or a.reserved_peak_bytes <> b.reserved_peak_bytes
order by abs(a.requested_peak_bytes - b.requested_peak_bytes) desc, a.source, a.device
