with delivered as (
    {{ counting_rows("duiding") }}
)

select
    consortium as consortium_code,
    period,
    version as delivery_version,
    indicator as indicator_code,
    wijkcode as district_code,
    verhaal as story,
    verklaring as explanation,
    acties as actions
from delivered
