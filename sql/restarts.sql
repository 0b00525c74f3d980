-- Servers that started more than once, as their logs tell.
select run, rank, source, verdict
from findings
where finding = 'restarts'
order by run, source
