"""The warehouse: how DuckDB is opened, how dbt is run, and which assets that makes."""
