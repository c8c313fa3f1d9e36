with delivered as (
    {{ counting_rows("aantallen") }}
)

select
    consortium as consortium_code,
    period,
    version as delivery_version,
    indicator as indicator_code,
    wijkcode as district_code,
    categorie as category,
    cast(noemer as bigint) as denominator,
    cast(teller as bigint) as numerator
from delivered
