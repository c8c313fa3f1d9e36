with delivered as (
    {{ counting_rows("doelen") }}
)

select
    consortium as consortium_code,
    period,
    version as delivery_version,
    doel_id as goal_key,
    client_id as client_key,
    afgesproken_op as agreed_on,
    beoordeeld_op as judged_on,
    resultaat as result
from delivered
