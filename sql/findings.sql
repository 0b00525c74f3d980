-- What the diagnosis found, by kind: in how many sources, and how bad.
select run, finding, severity, confidence, count(distinct source) as source_count
from findings
group by run, finding, severity, confidence
order by case severity when 'problem' then 0 when 'risk' then 1 when 'info' then 2 else 3 end,
  count(distinct source) desc, run, finding, confidence
