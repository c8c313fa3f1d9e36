with delivered as (
    {{ counting_rows("aanbod") }}
)

select
    consortium as consortium_code,
    period,
    version as delivery_version,
    aanbod_id as offer_id,
    wijkcode as district_code,
    omschrijving as description,
    gestart_op as started_on,
    gestopt_op as stopped_on,
    cast(plaatsen as bigint) as places
from delivered
