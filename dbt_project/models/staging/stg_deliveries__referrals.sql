with delivered as (
    {{ counting_rows("toeleiding") }}
)

select
    consortium as consortium_code,
    period,
    version as delivery_version,
    wijkcode as district_code,
    maand as month,
    naar as referred_to,
    cast(aantal as bigint) as referrals
from delivered
