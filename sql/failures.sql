-- Sources that were not read whole, and why.
select run, rank, source, status, why
from ranks
where status <> 'whole'
order by status, run, source
