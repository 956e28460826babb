"""ClickHouse through chdb: MergeTree ordered by start, merged into one part."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import chdb
import pyarrow as pa
from chdb import session

from peers.peer import Peer
from peers.question import Question
from peers.sql import STRETCHES, Dialect, Form, Sql, names_for

DIALECT = Dialect(
    divide=lambda one, other: f"intDiv({one}, {other})",
    series=lambda first, end: f"arrayJoin(range(toUInt32({first}), toUInt32({end})))",
    big="Int64",
)
FORMS = {
    form.name: form
    for form in [STRETCHES]
    + [Form(split, packed, False) for split in ("expand", "unnest", "parts") for packed in (True, False)]
}


class ClickHouse(Peer):
    """A session of its own, with its data under the prepared tables."""

    def __init__(self, folder: Path, threads: int) -> None:
        self.session = session.Session(str(folder / f"clickhouse-{threads}"))
        self.session.query("DROP DATABASE IF EXISTS bench")
        self.session.query("CREATE DATABASE bench")
        for table in ("sessions", "license_lines"):
            self.load(table, folder / f"{table}.parquet")
        self.session.query("USE bench")
        self.session.query(f"SET max_threads = {threads}")

    def load(self, table: str, file: Path) -> None:
        """Copies a Parquet file into one part; none of its columns is nullable."""
        source = f"file('{file}', 'Parquet')"
        self.session.query(
            f"CREATE TABLE bench.{table} ENGINE = MergeTree ORDER BY (start_half_hour, start_ms) AS "
            f"SELECT * FROM {source} SETTINGS schema_inference_make_columns_nullable = 0"
        )
        self.session.query(f"OPTIMIZE TABLE bench.{table} FINAL")

    @property
    def version(self) -> str:
        return f"{self.session.query('SELECT version()', 'TSV').data().strip()} (chdb {chdb.__version__})"

    def forms(self, question: Question) -> list[str]:
        return names_for(question, FORMS)

    def run(self, question: Question, form: str) -> Any:
        return self.session.query(self.statement(question, form), "Native")

    def table(self, question: Question, form: str) -> pa.Table:
        answer = self.session.query(self.statement(question, form), "ArrowStream")
        return pa.ipc.open_stream(pa.py_buffer(answer.bytes())).read_all()

    def statement(self, question: Question, form: str) -> str:
        """The question in this dialect."""
        return Sql(question, DIALECT, FORMS[form]).statement()
