with delivered as (
    {{ counting_rows("dossiers") }}
)

select
    consortium as consortium_code,
    period,
    version as delivery_version,
    dossier_id as file_key,
    client_id as client_key,
    geopend_op as opened_on,
    gesloten_op as closed_on,
    reden_sluiting as closing_reason_code,
    vorig_dossier_id as previous_file_key
from delivered
