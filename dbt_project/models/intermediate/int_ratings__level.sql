select
    consortium_code,
    instrument,
    edition,
    scale_code,
    period,
    score,
    count(*) as n
from {{ ref("int_ratings__pair") }}
group by consortium_code, instrument, edition, scale_code, period, score
