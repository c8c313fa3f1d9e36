with delivered as (
    {{ counting_rows("gesprekken") }}
)

select
    consortium as consortium_code,
    period,
    version as delivery_version,
    gesprek_id as interview_key,
    wijkcode as district_code,
    doelgroep as target_group,
    stakeholder_type,
    uitkomst as outcome,
    afgenomen_op as taken_on,
    begonnen_om as started_at,
    duur_minuten as duration_minutes,
    wijze as mode,
    team,
    interviewer_id as interviewer_key,
    onafhankelijk as is_independent,
    hercontrole_van as recheck_of_key
from delivered
