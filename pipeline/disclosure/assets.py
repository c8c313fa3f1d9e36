"""Which figures may leave, as assets: one status per figure with the rule behind it, for both audiences."""

from collections.abc import Iterator

import dagster as dg

from pipeline.settings import Settings
from pipeline.tables import markdown_table
from pipeline.warehouse.connection import open_warehouse

GROUP = "disclosure"
_CHECK = "every_cell_has_a_status"


def _key(*path: str) -> dg.AssetKey:
    return dg.AssetKey(list(path))


_INPUTS = [
    _key("cells", "indicator_cell"),
    _key("cells", "life_domain_cell"),
    _key("reliability", "pooled_cell"),
    _key("reliability", "pooled_member"),
    _key("reliability", "verdict"),
    _key("reliability", "cell_interval"),
    _key("reference", "indicators"),
    _key("reference", "questions"),
    _key("reference", "indicator_relations"),
    _key("reference", "thresholds"),
    _key("reference", "districts"),
    _key("reference", "consortia"),
    _key("intermediate", "int_periods__list"),
]
_TABLES = {
    "indicator_status": "May partners see this figure: published, suppressed_primary, suppressed_secondary or no_data, "
    "with the rule that decided; is_pending where it shows what was shown before.",
    "life_domain_status": "The same for the outcomes per life domain, with the status of its two shares.",
    "pooled_status": "The same for pooled figures, beside the figures that they are pooled from: also unreliable, and "
    "not_offered after the first of its ladder that is shown.",
    "kept_indicator": "Rows of fct_indicator that wait with a correction, as they were last shown.",
    "kept_indicator_pooled": "Rows of fct_indicator_pooled that wait with a correction, as they were last shown.",
    "kept_life_domain": "Rows of fct_life_domain that wait with a correction, as they were last shown.",
    "rounded_indicator": "Figures of fct_indicator with rounded counts in place of the true ones, if that is chosen.",
    "rounded_life_domain": "The same for the outcomes per life domain.",
    "council_indicator": "The council's figures: the municipality, counts as multiples of five.",
    "council_life_domain": "The council's outcomes per life domain, likewise.",
    "true_count": "The exact counts behind every figure, sealed with a release for its audit. Confidential.",
    "pattern_figures": "What the pattern of hidden figures keeps and costs, per audience and half-year.",
}
_STATUSES = ("indicator_status", "life_domain_status", "pooled_status")


def build_disclosure_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """The decision on every figure, with blocking completeness checks, and its picture."""

    @dg.multi_asset(
        name="protect_cells",
        specs=[
            dg.AssetSpec(
                _key(GROUP, name),
                deps=_INPUTS,
                description=text,
                group_name=GROUP,
                owners=["team:privacy"],
                kinds={"python", "duckdb"},
            )
            for name, text in _TABLES.items()
        ],
        check_specs=[
            dg.AssetCheckSpec(
                _CHECK,
                asset=_key(GROUP, name),
                blocking=True,
                description="A figure without a status would have to be guessed at.",
            )
            for name in _STATUSES
        ],
        pool="warehouse",
    )
    def protect_cells(
        context: dg.AssetExecutionContext,
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        from pipeline.disclosure import portraits, steps

        with open_warehouse(settings) as warehouse:
            frames = steps.protect_cells(warehouse, settings, _Progress(context.log.info))
            missing = {name: steps.without_status(warehouse, name) for name in _STATUSES}
            pictures = portraits.of_pattern(warehouse)
            rows = {name: steps.count_rows(warehouse, name) for name in _TABLES}
        for name in _TABLES:
            metadata: dict[str, object] = {"dagster/row_count": rows[name]}
            if name in _STATUSES:
                counts = frames[name]["status"].value_counts().to_dict()
                context.log.info("%s: %s", name, counts)
                metadata |= {status: int(count) for status, count in counts.items()}
                metadata |= {"pending": int(frames[name]["is_pending"].sum()), "hidden_by_rule": _rules(frames[name])}
            if name == "indicator_status":
                metadata["pattern"] = dg.MetadataValue.md(pictures["pattern"])
            if name == "pattern_figures":
                metadata["history"] = dg.MetadataValue.md(pictures["history"])
                metadata["figures"] = dg.MetadataValue.md(pictures["figures"])
            yield dg.MaterializeResult(asset_key=_key(GROUP, name), metadata=metadata)
        for name in _STATUSES:
            yield dg.AssetCheckResult(
                asset_key=_key(GROUP, name),
                check_name=_CHECK,
                passed=missing[name] == 0,
                metadata={"cells_without_status": missing[name]},
            )

    return [protect_cells]


class _Progress:
    """Tells how far the pattern is, at every fourth part of each piece of work."""

    def __init__(self, say) -> None:
        self._say, self._last = say, ("", -1)

    def __call__(self, what: str, done: int, of: int) -> None:
        quarter = 4 * done // max(of, 1)
        if (what, quarter) != self._last:
            self._last = (what, quarter)
            self._say("%s: %d of %d", what, done, of)


def _rules(frame) -> dg.MarkdownMetadataValue:
    hidden = frame[frame["status"].str.startswith("suppressed")]
    counts = hidden.groupby(["status", "rule"]).size().reset_index(name="figures")
    return dg.MetadataValue.md(markdown_table(list(counts.columns), counts.values.tolist()))
