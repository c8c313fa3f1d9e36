with delivered as (
    {{ counting_rows("antwoorden") }}
)

select
    consortium as consortium_code,
    period,
    version as delivery_version,
    gesprek_id as interview_key,
    vraag as question_code,
    cast(antwoord as integer) as answer
from delivered
