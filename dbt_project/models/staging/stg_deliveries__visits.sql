with delivered as (
    {{ counting_rows("bezoek") }}
)

select
    consortium as consortium_code,
    period,
    version as delivery_version,
    wijkcode as district_code,
    maand as month,
    voorziening as provision,
    cast(bezoeken as bigint) as visits,
    cast(unieke_bezoekers as bigint) as unique_visitors,
    cast(vrijwilligers as bigint) as volunteers
from delivered
