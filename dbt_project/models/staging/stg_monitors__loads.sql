select
    monitor,
    vintage,
    table_id,
    modified_at,
    loaded_at,
    rows as row_count,
    origin,
    url
from {{ source("monitors", "_log") }}
