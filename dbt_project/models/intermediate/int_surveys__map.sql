with mapping as (
    select
        monitor,
        question,
        measure,
        comparable_kind,
        comparable_code,
        comparability,
        valid_from,
        valid_to,
        -- the last break at or before the first year of this row; without one the series begins with its first row
        coalesce(
            max(case when series_break then valid_from end)
                over (partition by monitor, measure order by valid_from),
            min(valid_from) over (partition by monitor, measure)
        )
            as series_from
    from {{ ref("monitor_questions") }}
),

answers as (
    select
        surveys.monitor,
        surveys.file_id,
        surveys.question,
        surveys.year,
        surveys.group_code,
        surveys.region_code,
        surveys.region_level,
        surveys.n,
        surveys.value,
        surveys.margin,
        surveys.marker,
        surveys.vintage,
        surveys.source,
        mapping.comparable_kind,
        mapping.comparable_code,
        coalesce(mapping.measure, surveys.question_key) as measure,
        coalesce(mapping.comparability, 'not_mapped') as comparability,
        -- of a question that nobody mapped it is not known whether next year's is the same one
        coalesce(mapping.series_from, surveys.year) as series_from,
        -- the same figure in several files: the one that arrived last
        row_number()
            over (
                partition by
                    surveys.monitor,
                    coalesce(mapping.measure, surveys.question_key),
                    surveys.year,
                    surveys.group_code,
                    surveys.region_code
                order by surveys.vintage desc, surveys.question_key asc, mapping.valid_from desc
            )
            as newest_first
    from {{ ref("stg_monitors__surveys") }} as surveys
    left join mapping
        on
            surveys.monitor = mapping.monitor
            and surveys.question_key = mapping.question
            and surveys.year >= mapping.valid_from
            and surveys.year <= coalesce(mapping.valid_to, surveys.year)
),

minimum_persons as (
    select
        answers.year,
        max(thresholds.value) as minimum
    from answers
    inner join {{ ref("thresholds") }} as thresholds
        on
            thresholds.threshold_code = 'minimum_persons'
            and answers.year >= year(thresholds.valid_from)
            and answers.year <= coalesce(year(thresholds.valid_to), answers.year)
    group by answers.year
),

judged as (
    select
        answers.*,
        minimum_persons.minimum,
        -- a year without a threshold shows nothing
        coalesce(answers.n >= minimum_persons.minimum, false) as is_on_enough,
        answers.group_code <> '' as is_group,
        coalesce(answers.n > 0, false) as has_people
    from answers
    left join minimum_persons
        on answers.year = minimum_persons.year
    where answers.newest_first = 1
),

-- parts of one whole, from the smallest: groups in an area, and districts
parts as (
    select
        *,
        min(n)
            over (partition by monitor, measure, year, region_code, is_group, has_people)
            as smallest_group,
        row_number()
            over (
                partition by monitor, measure, year, region_code, is_group, has_people
                order by n, group_code
            )
            as group_number,
        sum(n)
            over (
                partition by monitor, measure, year, region_code, is_group, has_people
                order by n, group_code
                rows between unbounded preceding and 1 preceding
            )
            as in_smaller_groups,
        min(n)
            over (partition by monitor, measure, year, group_code, region_level, has_people)
            as smallest_area,
        row_number()
            over (
                partition by monitor, measure, year, group_code, region_level, has_people
                order by n, region_code
            )
            as area_number,
        sum(n)
            over (
                partition by monitor, measure, year, group_code, region_level, has_people
                order by n, region_code
                rows between unbounded preceding and 1 preceding
            )
            as in_smaller_areas
    from judged
),

protected as (
    select
        *,
        -- one part on too few people follows from the others and the whole: the next one is hidden too, and further
        -- ones until those that are hidden are together on enough
        (
            is_group
            and smallest_group < minimum
            and (group_number = 2 or in_smaller_groups < minimum)
        )
        or (
            region_level = 'district'
            and smallest_area < minimum
            and (area_number = 2 or in_smaller_areas < minimum)
        )
            as is_protecting
    from parts
),

shown as (
    select
        *,
        is_on_enough and not coalesce(is_protecting, false) as is_shown
    from protected
),

series as (
    select
        *,
        lag(series_from)
            over (partition by monitor, measure, group_code, region_code order by year)
            as series_before
    from shown
)

select
    monitor,
    measure,
    question,
    year,
    group_code,
    region_code,
    region_level,
    file_id,
    comparable_kind,
    comparable_code,
    comparability,
    case when is_shown then n end as n,
    case when is_shown then value end as value,
    case when is_shown then margin end as margin,
    case
        when marker is not null then marker
        when not is_on_enough then 'too_few'
        when not is_shown then 'protecting'
    end as marker,
    concat(measure, '_', cast(series_from as {{ text_type() }})) as series_id,
    coalesce(series_from <> series_before, false) as is_series_break,
    source,
    vintage
from series
