with delivered as (
    {{ counting_rows("zelfredzaamheid") }}
)

select
    consortium as consortium_code,
    period,
    version as delivery_version,
    client_id as client_key,
    meetdatum as rated_on,
    zrm_versie as zrm_version,
    domein as life_domain_code,
    cast(score as integer) as score,
    cast(doelscore as integer) as goal_score,
    beoordelaar_id as rater_key,
    coalesce(tweede_beoordeling, false) as is_second_rating,
    row_number
from delivered
