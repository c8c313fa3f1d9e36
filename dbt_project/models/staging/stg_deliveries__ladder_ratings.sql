with delivered as (
    {{ counting_rows("participatie") }}
)

select
    consortium as consortium_code,
    period,
    version as delivery_version,
    client_id as client_key,
    meetdatum as rated_on,
    cast(trede as integer) as rung,
    cast(doeltrede as integer) as goal_rung,
    beoordelaar_id as rater_key,
    coalesce(tweede_beoordeling, false) as is_second_rating,
    row_number
from delivered
