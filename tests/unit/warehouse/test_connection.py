import subprocess
import sys
import textwrap

import duckdb
import pandas as pd
import pytest

from pipeline.warehouse.connection import WarehouseBusy, open_warehouse, replace_table, warehouse_lock


def _other_process(settings, body):
    code = textwrap.dedent(body).format(home=str(settings.home), file=str(settings.warehouse))
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)


def test_a_second_writer_waits_and_is_told_who_holds_it(settings):
    holder = """
        import time
        from pathlib import Path
        from pipeline.settings import Settings
        from pipeline.warehouse.connection import warehouse_lock
        with warehouse_lock(Settings(home=Path("{home}"))):
            print("held", flush=True)
            time.sleep(30)
    """
    process = _other_process(settings, holder)
    try:
        assert process.stdout.readline() == "held\n"
        with pytest.raises(WarehouseBusy, match="in use by another run"), warehouse_lock(settings, wait_seconds=0.3):
            pass
    finally:
        process.kill()
        process.wait()
    with warehouse_lock(settings, wait_seconds=5):
        pass


def test_a_query_tool_that_has_the_file_open_is_named_as_the_cause(settings):
    with open_warehouse(settings) as warehouse:
        warehouse.execute("create table t (a integer)")
    holder = """
        import time, duckdb
        connection = duckdb.connect("{file}")
        print("held", flush=True)
        time.sleep(30)
    """
    process = _other_process(settings, holder)
    try:
        assert process.stdout.readline() == "held\n"
        with pytest.raises(WarehouseBusy, match="open in another program"), open_warehouse(settings):
            pass
    finally:
        process.kill()
        process.wait()


def test_reading_before_the_first_run_says_what_to_do(settings):
    with pytest.raises(FileNotFoundError, match="effectmonitor run"), open_warehouse(settings, read_only=True):
        pass


def test_a_failed_replacement_leaves_the_old_table(settings):
    with open_warehouse(settings) as warehouse:
        replace_table(warehouse, "s", "t", pd.DataFrame({"a": [1, 2]}), "two rows, the reader's")
        with pytest.raises(duckdb.Error):
            replace_table(warehouse, "s", "t", pd.DataFrame({"a": [1j]}), "broken")
        assert warehouse.execute("select a from s.t order by a").fetchall() == [(1,), (2,)]
        assert warehouse.execute("select comment from duckdb_tables()").fetchone() == ("two rows, the reader's",)


def test_a_reader_may_write_another_file_but_not_the_warehouse(settings, tmp_path):
    with open_warehouse(settings) as warehouse:
        warehouse.execute("create table t as select 1 as a")
    with open_warehouse(settings, read_only=True) as reader:
        reader.execute(f"attach '{tmp_path / 'other.duckdb'}' as other")
        reader.execute("create table other.t as select * from t")
        with pytest.raises(duckdb.Error):
            reader.execute("insert into t values (2)")
