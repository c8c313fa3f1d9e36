"""The dbt models as Dagster assets, their tests as asset checks.

Two steps, because Python computes in between: the first builds seeds, staging, intermediate and cells, the second the
marts of both audiences. Both rebuild their tables whole: a correction of an old half-year changes baselines and
cumulative figures of all later ones, and the whole history takes seconds
(docs/adr/0002-rebuild-the-warehouse-whole.md).
"""

from collections.abc import Iterator, Sequence

import dagster as dg

from pipeline.settings import Settings
from pipeline.tables import markdown_table
from pipeline.warehouse.build import DbtBuildError, NodeResult, run_build
from pipeline.warehouse.connection import open_warehouse
from pipeline.warehouse.manifest import DbtGraph, DbtNode, DbtTest

GROUP = "warehouse"
POOL = "warehouse"
MARTS_SCHEMA = "marts"
COUNCIL_SCHEMA = "council"
# what is protected, one schema per audience
PROTECTED_SCHEMAS = (MARTS_SCHEMA, COUNCIL_SCHEMA)
_PREVIEW_ROWS = 5
_KINDS = {"model": {"dbt", "duckdb"}, "seed": {"dbt", "duckdb", "csv"}, "snapshot": {"dbt", "duckdb"}}


def node_spec(node: DbtNode) -> dg.AssetSpec:
    """The asset of a dbt node: description, columns, owner and kinds from its yml."""
    return dg.AssetSpec(
        key=dg.AssetKey(node.key),
        deps=[dg.AssetKey(key) for key in node.upstream],
        description=node.description,
        group_name=GROUP,
        owners=[node.owner] if node.owner else None,
        kinds=_KINDS[node.resource_type],
        code_version=node.checksum,
        skippable=True,
        metadata={
            "dagster/table_name": f"{node.schema}.{node.table}",
            "dagster/column_schema": dg.TableSchema(
                columns=[
                    dg.TableColumn(name=name, type=kind or "?", description=description or None)
                    for name, kind, description in node.columns
                ]
            ),
            "source": node.path,
            "materialized": node.materialized,
        },
    )


def test_spec(test: DbtTest, graph: DbtGraph) -> dg.AssetCheckSpec:
    """The asset check of a dbt test; a test of severity error blocks what comes after."""
    return dg.AssetCheckSpec(
        name=test.name,
        asset=dg.AssetKey(graph.nodes[test.guarded].key),
        additional_deps=[dg.AssetKey(graph.nodes[other].key) for other in test.others],
        description=test.description or None,
        blocking=test.blocking,
    )


def build_dbt_assets(settings: Settings, graph: DbtGraph) -> list[dg.AssetsDefinition]:
    """The two dbt steps: everything up to the cells, and the marts of both audiences.

    Args:
        settings: the installation.
        graph: nodes and tests of the dbt project.
    """
    marts = [node for node in graph.nodes.values() if node.schema in PROTECTED_SCHEMAS]
    before = [node for node in graph.nodes.values() if node.schema not in PROTECTED_SCHEMAS]
    return [
        _dbt_step("build_cells", before, settings, graph),
        _dbt_step("build_marts", marts, settings, graph),
    ]


def _dbt_step(name: str, nodes: Sequence[DbtNode], settings: Settings, graph: DbtGraph) -> dg.AssetsDefinition:
    mine = {node.unique_id: node for node in nodes}
    tests = {unique_id: test for unique_id, test in graph.tests.items() if test.guarded in mine}
    # a test that also reads a node of another step would run before that node is fresh
    tests = {unique_id: test for unique_id, test in tests.items() if all(_known(o, mine, graph) for o in test.others)}
    by_key = {dg.AssetKey(node.key): node for node in nodes}

    @dg.multi_asset(
        name=name,
        specs=[node_spec(node) for node in nodes],
        check_specs=[test_spec(test, graph) for test in tests.values()],
        can_subset=True,
        pool=POOL,
    )
    def _build(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        select = [by_key[key].name for key in sorted(context.selected_asset_keys)]
        context.log.info("dbt builds %d of %d nodes", len(select), len(nodes))
        results, error = _run(context, settings, select)
        # row counts wait until dbt has let go of the file
        built = [mine[r.unique_id] for r in results if r.unique_id in mine and r.status == "success"]
        # counting a view would compute it once more
        stored = [(node.schema, node.table) for node in built if node.materialized != "view"]
        metadata = table_metadata(settings, stored)
        for result in results:
            node, test = mine.get(result.unique_id), tests.get(result.unique_id)
            if node in built:
                facts = {**metadata.get((node.schema, node.table), {}), "seconds": result.seconds}
                yield dg.MaterializeResult(asset_key=dg.AssetKey(node.key), metadata=facts)
            elif test is not None and result.status != "skipped":
                check = _check_result(test_spec(test, graph), test, result)
                if dg.AssetCheckKey(check.asset_key, check.check_name) in context.selected_asset_check_keys:
                    yield check
        if error:
            raise dg.Failure(str(error))
        if len(built) < len(select):
            # nothing that was asked for may be left out without a word: what follows would be skipped
            missing = sorted(set(select) - {node.name for node in built})
            raise dg.Failure(f"dbt reports no result for {', '.join(missing)}; see {settings.dbt_target / 'logs'}")

    return _build


def _run(
    context: dg.AssetExecutionContext, settings: Settings, select: Sequence[str]
) -> tuple[list[NodeResult], DbtBuildError | None]:
    results: list[NodeResult] = []
    try:
        for result in run_build(settings, select):
            results.append(result)
            # a test that passed is an asset check of its own; to store a line takes as long as the test
            if result.status != "pass":
                context.log.info("%s: %s (%.2f s)", result.unique_id, result.status, result.seconds)
    except DbtBuildError as error:
        return results, error
    return results, None


def _known(unique_id: str, mine: dict[str, DbtNode], graph: DbtGraph) -> bool:
    return unique_id in mine or graph.nodes[unique_id].schema not in PROTECTED_SCHEMAS


def _check_result(spec: dg.AssetCheckSpec, test: DbtTest, result: NodeResult) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=spec.name,
        asset_key=spec.asset_key,
        passed=result.status == "pass",
        severity=dg.AssetCheckSeverity.ERROR if test.blocking else dg.AssetCheckSeverity.WARN,
        metadata={"status": result.status, "rows_objected_to": result.failures or 0, "seconds": result.seconds},
    )


def table_metadata(settings: Settings, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], dict]:
    """Row counts, and for the protected marts a preview, of tables that were just built.

    Args:
        settings: the installation.
        keys: (schema, table) pairs.

    Returns:
        Dagster metadata per pair. Only marts get a preview: all other tables hold rows of people.
    """
    found: dict[tuple[str, str], dict] = {}
    with open_warehouse(settings, read_only=True) as warehouse:
        for schema, table in keys:
            row = warehouse.execute(f'select count(*) from "{schema}"."{table}"').fetchone()
            found[schema, table] = {"dagster/row_count": dg.MetadataValue.int(row[0] if row else 0)}
            if schema in PROTECTED_SCHEMAS:
                relation = warehouse.execute(f'select * from "{schema}"."{table}" limit {_PREVIEW_ROWS}')
                names = [column[0] for column in relation.description]
                found[schema, table]["preview"] = dg.MetadataValue.md(markdown_table(names, relation.fetchall()))
    return found
