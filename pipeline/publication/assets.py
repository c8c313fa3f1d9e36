"""The release as assets: a candidate beside the published files, checked, and then put in place."""

import dagster as dg

from pipeline.publication.checks import release_problems
from pipeline.publication.release import AUDIENCE, list_releases, make_release, publish, release_file
from pipeline.publication.revisions import revisions_in
from pipeline.settings import Settings
from pipeline.tables import markdown_table

GROUP = "publication"
CANDIDATE = dg.AssetKey(["publication", "partners_candidate"])
PARTNERS = dg.AssetKey(["publication", "partners"])
_OWNER = "team:data-engineering"
# of the figures that a release changes, as many as a page can hold; the table itself has them all
_CHANGED_COLUMNS = ("indicator_code", "district_code", "period", "old", "new", "old_status", "new_status", "reason")
_CHANGED_ROWS = 20


def build_publication_assets(settings: Settings, marts: list[dg.AssetKey]) -> list[dg.AssetsDefinition]:
    """The candidate with its blocking check, and the published partners' files.

    Args:
        settings: the installation.
        marts: asset keys of the marts.
    """

    @dg.multi_asset(
        name="partners_candidate",
        specs=[
            dg.AssetSpec(
                CANDIDATE,
                deps=marts,
                group_name=GROUP,
                owners=[_OWNER],
                kinds={"duckdb", "parquet", "csv"},
                description="The current marts as files of a release, beside what is published. "
                "The same figures again make no new release.",
            )
        ],
        check_specs=[
            dg.AssetCheckSpec(
                "release_is_safe_and_complete",
                asset=CANDIDATE,
                blocking=True,
                description="Every expected table is there and described; a figure that is not published is empty in "
                "every column that could tell it; every key occurs once. Read from the files themselves.",
            )
        ],
    )
    def partners_candidate(context: dg.AssetExecutionContext):
        release, is_new = make_release(settings)
        context.log.info("%s: %s", release.release_id, "new" if is_new else "nothing has changed")
        rows = sorted(release.rows.items())
        changed = revisions_in(release_file(settings, release), release.release_id)
        shown = [[_rounded(each[name]) for name in _CHANGED_COLUMNS] for each in changed[:_CHANGED_ROWS]]
        yield dg.MaterializeResult(
            asset_key=CANDIDATE,
            metadata={
                "release": release.release_id,
                "is_new": is_new,
                "period": release.period,
                "code_version": release.code_version,
                "inputs": dg.MetadataValue.json(release.inputs_by_kind()),
                "tables": dg.MetadataValue.md(markdown_table(["table", "rows"], rows)),
                "changed_figures": len(changed),
                "changed": dg.MetadataValue.md(markdown_table(_CHANGED_COLUMNS, shown)),
            },
        )
        problems = release_problems(release_file(settings, release))
        yield dg.AssetCheckResult(
            asset_key=CANDIDATE,
            check_name="release_is_safe_and_complete",
            passed=not problems,
            metadata={"problems": dg.MetadataValue.md("\n".join(f"- {text}" for text in problems) or "none")},
        )

    @dg.asset(
        key=PARTNERS,
        deps=[CANDIDATE],
        group_name=GROUP,
        owners=[_OWNER],
        kinds={"duckdb", "parquet", "csv"},
        description="What partners read: `published/partners/`, swapped in file by file, so that a reader never sees "
        "half a table.",
    )
    def partners(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        release = list_releases(settings, AUDIENCE)[-1]
        path = publish(settings, release)
        context.log.info("published %s", release.release_id)
        return dg.MaterializeResult(
            metadata={
                "release": release.release_id,
                "period": release.period,
                "path": dg.MetadataValue.path(str(path)),
                "query": dg.MetadataValue.md(f"```sql\nattach '{path}' (read_only);\nfrom marts.fct_indicator;\n```"),
            }
        )

    return [partners_candidate, partners]


def _rounded(value: object) -> object:
    return round(value, 4) if isinstance(value, float) else value
