with delivered as (
    {{ counting_rows("trajecten") }}
)

select
    consortium as consortium_code,
    period,
    version as delivery_version,
    traject_id as trajectory_key,
    client_id as client_key,
    vorm as care_form_code,
    gestart_op as started_on,
    geeindigd_op as ended_on,
    uithuisplaatsing as is_out_of_home
from delivered
