"""CBS, Kerncijfers wijken en buurten: key figures per municipality, district and neighbourhood.

Belongs here: the two forms in which the figures come. The typed data set of a table, bundled or over the wire, has
CBS's own columns and comes with their properties. The extract of 2022 has English columns and shares where the table of
2020 has counts; a different quantity keeps a different name. Measures carry CBS's name without its number, because
numbers shift between tables.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from pipeline.monitors.contracts import load_contract
from pipeline.monitors.source_files import (
    OPEN_DATA,
    REGION,
    Question,
    RawTable,
    bundled_table,
    check_columns,
    files,
    read_cells,
    read_text,
    region_level,
    region_names,
    stem,
)

MONITOR = "cbs_kwb"
ASKED = Question(data_set="TypedDataSet")

# Describe the region, and become its code, name and level.
_REGION_STEMS = ("Gemeentenaam", "SoortRegio", "Codering")
# In both forms "secret", "unknown" and "impossible" have become the same empty cell (``.`` where a column holds text).
_MISSING = {"blank": "not_available", "dot": "not_available"}

# Column of the extract -> measure and unit. The same name as in a table of CBS only where it is the same quantity.
_EXTRACT_MEASURES = {
    "area": ("OppervlakteTotaal", "ha"),
    "urbanity": ("MateVanStedelijkheid", "code"),
    "population": ("AantalInwoners", "aantal"),
    "pop_0_14": ("PercentageInwoners0Tot15Jaar", "%"),
    "pop_15_24": ("PercentageInwoners15Tot25Jaar", "%"),
    "pop_25_44": ("PercentageInwoners25Tot45Jaar", "%"),
    "pop_45_64": ("PercentageInwoners45Tot65Jaar", "%"),
    "pop_65plus": ("PercentageInwoners65JaarOfOuder", "%"),
    "dwelling_total": ("Woningvoorraad", "aantal"),
    "dwelling_value": ("GemiddeldeWoningwaarde", "x 1 000 euro"),
    "dwelling_ownership": ("Koopwoningen", "%"),
    "employment_rate": ("NettoArbeidsparticipatie", "%"),
    "income_low": ("k_40PersonenMetLaagsteInkomen", "%"),
    "income_high": ("k_20PersonenMetHoogsteInkomen", "%"),
    "edu_appl_sci": ("PercentageOpleidingsniveauHoog", "%"),
}
_EXTRACT_REGION = ("code", "name", "province")
# CBS's classes by addresses per km², 1 = 2,500 or more.
_URBANITY = {
    "extremely urbanised": "1",
    "strongly urbanised": "2",
    "moderately urbanised": "3",
    "hardly urbanised": "4",
    "not urbanised": "5",
}
_HECTARES_PER_KM2 = 100


def read(folder: Path = OPEN_DATA) -> pd.DataFrame:
    """All bundled key figures as one long table.

    Args:
        folder: folder of the register of bundled files.

    Returns:
        One row per table, region and measure; columns as in ``expectations/monitors/cbs_kwb.yml``. A measure whose
        column holds text (a code that does not count anything) has value_text and no value.

    Raises:
        ValueError: for a column that the source does not describe, or a cell that is neither number nor known mark.
    """
    names = region_names(folder)
    properties = files(MONITOR, "properties", folder).set_index("table_id")["path"]
    tables = [
        map_table(bundled_table(file, names, pd.read_csv(properties[file.table_id])))
        for file in files(MONITOR, "typed", folder).itertuples()
    ]
    tables += [_describe(_read_extract(file.path), file) for file in files(MONITOR, "extract", folder).itertuples()]
    return pd.concat(tables, ignore_index=True)


def _describe(table: pd.DataFrame, of: object) -> pd.DataFrame:
    """Add what is true of a whole table, in the order of the contract."""
    described = table.assign(
        table_id=of.table_id,
        year=of.year,
        region_level=region_level(table["region_code"]),
        vintage=of.vintage,
        source=of.attribution,
    )
    return described[load_contract(MONITOR).names]


def map_table(raw: RawTable) -> pd.DataFrame:
    """The typed data set of one table, long.

    Args:
        raw: the table as CBS has it, with the properties of its columns.

    Returns:
        Columns as in ``expectations/monitors/cbs_kwb.yml``.

    Raises:
        ValueError: for columns other than the properties describe, or a cell that is neither number nor known mark.
    """
    check_columns(raw)
    measures = _measures(raw.properties)
    wide = raw.cells.drop(columns="ID", errors="ignore").rename(columns={REGION: "region_code"})
    wide = wide[[column for column in wide if stem(column) not in _REGION_STEMS]]
    long = wide.melt(id_vars="region_code", var_name="key", value_name="cell")
    long = long.join(measures, on="key")
    is_text = long["is_text"].to_numpy()
    # Codes and postcodes stay text: reading them as numbers would invite sums.
    cells = read_cells(long["cell"].where(~is_text, ""), **_MISSING)
    text = long["cell"].where(is_text & ~long["cell"].isin(["", "."]))
    mapped = pd.DataFrame(
        {
            "region_code": long["region_code"],
            "region_name": long["region_code"].map(raw.names),
            "measure": long["measure"],
            "unit": long["unit"],
            "value": cells["value"],
            "value_text": cells["value_text"].where(~is_text, text),
            "marker": cells["marker"].where(text.isna(), None),
            "status": long["status"],
        }
    )
    return _describe(mapped, raw)


def _measures(properties: pd.DataFrame) -> pd.DataFrame:
    """Name, unit, kind and status of each column of a table, by the column's key."""
    topics = properties[properties["Type"] == "Topic"].set_index("Key")
    ancestors = _ancestors(properties)
    names = pd.Series(topics.index.map(stem), index=topics.index)
    # Electricity and gas each have a column "Appartement": the first group title that tells them apart joins the name.
    for name in names[names.duplicated()].unique():
        twins = names.index[names == name]
        for titles in zip(*(ancestors[topics.at[key, "ParentID"]] for key in twins), strict=False):
            if len(set(titles)) == len(titles):
                names.loc[twins] = [_camel_case(title) + name for title in titles]
                break
    # "voorlopig" and "nader voorlopig", in words or as the asterisks that CBS explains so
    provisional = topics["Description"].fillna("").str.contains("voorlopig", case=False)
    provisional |= topics["Title"].str.strip().str.endswith("*")
    return pd.DataFrame(
        {
            "measure": names,
            "unit": topics["Unit"],
            "is_text": topics["Datatype"] == "String",
            "status": provisional.map({True: "provisional", False: "final"}),
        }
    )


def _ancestors(properties: pd.DataFrame) -> dict[float, list[str]]:
    """For each group of columns: its title and those of the groups around it, nearest first."""
    groups = properties[properties["Type"] == "TopicGroup"].set_index("ID")
    chains = {}
    for group in groups.index:
        chain, current = [], group
        while current in groups.index:
            chain.append(groups.at[current, "Title"])
            current = groups.at[current, "ParentID"]
        chains[group] = chain
    return chains


def _camel_case(title: str) -> str:
    return "".join(word[:1].upper() + word[1:] for word in title.split())


def _read_extract(path: Path) -> pd.DataFrame:
    """The extract with English columns, long."""
    wide = read_text(path)
    undescribed = sorted(set(wide.columns) - set(_EXTRACT_MEASURES) - set(_EXTRACT_REGION))
    if undescribed:
        raise ValueError(f"{path.name} has columns of unknown meaning: {', '.join(undescribed)}")
    columns = [column for column in wide if column in _EXTRACT_MEASURES]
    long = wide.melt(id_vars=["code", "name"], value_vars=columns, var_name="column", value_name="cell")
    cells = read_cells(long["cell"].replace(_URBANITY), **_MISSING)
    # The maker of the extract divided CBS's hectares by a hundred; rounding takes away the floating-point rest.
    in_hectares = (cells["value"] * _HECTARES_PER_KM2).round()
    return pd.DataFrame(
        {
            "region_code": long["code"],
            "region_name": long["name"],
            "measure": long["column"].map(lambda column: _EXTRACT_MEASURES[column][0]),
            "unit": long["column"].map(lambda column: _EXTRACT_MEASURES[column][1]),
            "value": cells["value"].where(long["column"] != "area", in_hectares),
            "value_text": long["cell"].where(cells["marker"].isna(), None),
            "marker": cells["marker"],
            "status": "final",
        }
    )
