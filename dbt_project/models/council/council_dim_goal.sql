select
    goal_code,
    consortium_code,
    effect,
    name_nl,
    name_en
from {{ ref("dim_goal") }}
