"""The releases as assets: a candidate beside the published files, checked, and published once two people agree."""

from collections.abc import Mapping, Sequence

import dagster as dg

from pipeline.publication.checks import release_problems
from pipeline.publication.life import publish_waiting
from pipeline.publication.release import COUNCIL, PARTNERS, make_release, release_file, release_state
from pipeline.publication.revisions import revisions_in
from pipeline.settings import Settings
from pipeline.tables import markdown_table

GROUP = "publication"
_OWNER = "team:data-engineering"
_CHECK = "release_is_safe_and_complete"
# of the figures that a release changes, as many as a page can hold; the table itself has them all
_CHANGED_COLUMNS = ("indicator_code", "district_code", "period", "old", "new", "old_status", "new_status", "reason")
_CHANGED_ROWS = 20
_SHARED = {"group_name": GROUP, "owners": [_OWNER], "kinds": {"duckdb", "parquet", "csv"}}
_CANDIDATES = {
    PARTNERS: "The current marts as files of a release, beside what is published.",
    COUNCIL: "The council's tables, of the municipality as a whole and rounded, as files of a release of their own.",
}
_READERS = {PARTNERS: "partners read", COUNCIL: "the council reads"}


def build_publication_assets(
    settings: Settings, tables: Mapping[str, Sequence[dg.AssetKey]]
) -> list[dg.AssetsDefinition]:
    """Per audience the candidate with its blocking check, and the published files.

    Args:
        settings: the installation.
        tables: asset keys of the protected tables, by audience.
    """
    return [
        build(settings, audience, keys)
        for audience, keys in tables.items()
        for build in (_build_candidate, _build_published)
    ]


def candidate_key(audience: str) -> dg.AssetKey:
    """The asset of an audience's candidate."""
    return dg.AssetKey([GROUP, f"{audience}_candidate"])


def _build_candidate(settings: Settings, audience: str, tables: Sequence[dg.AssetKey]) -> dg.AssetsDefinition:
    key = candidate_key(audience)
    # Partners read the council's edition too: it is attacked together with what they have by then.
    before = [dg.AssetKey([GROUP, PARTNERS])] if audience == COUNCIL else []

    @dg.multi_asset(
        name=f"{audience}_candidate",
        specs=[
            dg.AssetSpec(
                key,
                deps=[*tables, *before],
                description=f"{_CANDIDATES[audience]} The same figures again make no new release; a newer candidate "
                "takes the place of one that still waits for approval.",
                **_SHARED,
            )
        ],
        check_specs=[
            dg.AssetCheckSpec(
                _CHECK,
                asset=key,
                blocking=True,
                description="Every expected table is there and described; a figure that is not published is empty in "
                "every column that could tell it; every key occurs once. Read from the files themselves.",
            )
        ],
    )
    def candidate(context: dg.AssetExecutionContext):
        release, is_new = make_release(settings, audience)
        state = release_state(settings, release.release_id)
        told = "new" if is_new else f"nothing has changed since; it is {state}"
        context.log.info("%s: %s", release.release_id, told)
        rows = sorted(release.rows.items())
        marts_file = release_file(settings, release)
        changed = revisions_in(marts_file, release.release_id)
        shown = [[_rounded(each[name]) for name in _CHANGED_COLUMNS] for each in changed[:_CHANGED_ROWS]]
        yield dg.MaterializeResult(
            asset_key=key,
            metadata={
                "release": release.release_id,
                "is_new": is_new,
                "state": state,
                "made_by": release.made_by,
                "period": release.period,
                "code_version": release.code_version,
                "inputs": dg.MetadataValue.json(release.inputs_by_kind()),
                "tables": dg.MetadataValue.md(markdown_table(["table", "rows"], rows)),
                "changed_figures": len(changed),
                "changed": dg.MetadataValue.md(markdown_table(_CHANGED_COLUMNS, shown)),
            },
        )
        problems = release_problems(marts_file, audience)
        yield dg.AssetCheckResult(
            asset_key=key,
            check_name=_CHECK,
            passed=not problems,
            metadata={"problems": dg.MetadataValue.md("\n".join(f"- {text}" for text in problems) or "none")},
        )

    return candidate


def _build_published(settings: Settings, audience: str, _: Sequence[dg.AssetKey]) -> dg.AssetsDefinition:
    @dg.asset(
        key=dg.AssetKey([GROUP, audience]),
        deps=[candidate_key(audience)],
        description=f"What {_READERS[audience]}: `published/{audience}/`, swapped in file by file, so that a reader "
        "never sees half a table. In production a candidate waits here until a second person approves it "
        "(`effectmonitor release approve`).",
        **_SHARED,
    )
    def published(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        outcome = publish_waiting(settings, audience)
        for sentence in outcome.sentences:
            context.log.info(sentence)
        said = dg.MetadataValue.md("\n".join(f"- {text}" for text in outcome.sentences) or "nothing new")
        if outcome.release is None:
            return dg.MaterializeResult(metadata={"done": said})
        return dg.MaterializeResult(
            metadata={
                "done": said,
                "release": outcome.release.release_id,
                "period": outcome.release.period,
                "path": dg.MetadataValue.path(str(outcome.file)),
                "query": dg.MetadataValue.md(
                    f"```sql\nattach '{outcome.file}' (read_only);\nfrom marts.fct_indicator;\n```"
                ),
            }
        )

    return published


def _rounded(value: object) -> object:
    return round(value, 4) if isinstance(value, float) else value
