select
    consortium_code,
    instrument,
    edition,
    scale_code,
    district_code,
    period,
    baseline_score,
    score,
    count(*) as n
from {{ ref("int_ratings__pair") }}
where baseline_score is not null
group by consortium_code, instrument, edition, scale_code, district_code, period, baseline_score, score
