-- a share above 1 would be a fault in counting, or in the counts that a consortium delivered
{{ config(meta={"guards": "indicator_cell", "dagster": {"ref": {"name": "indicator_cell"}}}) }}

select
    cells.indicator_code,
    cells.district_code,
    cells.period
from {{ ref("indicator_cell") }} as cells
inner join {{ ref("indicators") }} as indicators
    on cells.indicator_code = indicators.indicator_code
where indicators.kind = 'proportion' and cells.numerator > cells.n
