with delivered as (
    {{ counting_rows("clienten") }}
)

select
    consortium as consortium_code,
    period,
    version as delivery_version,
    client_id as client_key,
    wijkcode as district_code,
    leeftijdsgroep as age_group,
    in_zorg_sinds as in_care_since,
    uit_zorg_op as out_of_care_on,
    row_number
from delivered
