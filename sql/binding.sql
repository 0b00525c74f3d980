-- Which rank binds the job: the least room between the most that it reserved and its limit. Ranks without a known
-- limit are left out.
select run, rank, source, device, room_bytes, limit_bytes, limit_how, reserved_peak_bytes, out_of_memory
from ranks
where room_bytes is not null
order by room_bytes, run, source, device
