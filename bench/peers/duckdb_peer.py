"""DuckDB: native tables, sorted by start, in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from peers.peer import Peer
from peers.question import Question
from peers.sql import STRETCHES, Dialect, Form, Sql, names_for

DIALECT = Dialect(
    divide=lambda one, other: f"({one} // {other})",
    series=lambda first, end: f"unnest(range({first}, {end}))",
    big="BIGINT",
)
FORMS = {
    form.name: form
    for form in [STRETCHES, Form("expand", True, False), Form("expand", False, False)]
    + [Form(split, packed, keep) for split in ("unnest", "parts") for packed in (True, False) for keep in (True, False)]
}


class DuckDb(Peer):
    """An in-memory database."""

    def __init__(self, folder: Path, threads: int) -> None:
        self.connection = duckdb.connect(config={"threads": threads})
        for table in ("sessions", "license_lines"):
            # The files are sorted, and insertion order is kept.
            self.connection.execute(f"CREATE TABLE {table} AS SELECT * FROM read_parquet('{folder / table}.parquet')")

    @property
    def version(self) -> str:
        return duckdb.__version__

    def forms(self, question: Question) -> list[str]:
        return names_for(question, FORMS)

    def run(self, question: Question, form: str) -> Any:
        return self.connection.sql(self.statement(question, form)).to_arrow_table()

    def table(self, question: Question, form: str) -> pa.Table:
        return self.run(question, form)

    def statement(self, question: Question, form: str) -> str:
        """DuckDB materializes what is used twice unless it is told not to."""
        statement = Sql(question, DIALECT, FORMS[form]).statement()
        return statement.replace("WITH lines AS (", "WITH lines AS NOT MATERIALIZED (")
