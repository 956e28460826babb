"""DataFusion: from Parquet, and from memory with the window's stretch of the sorted rows cut out beforehand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import datafusion
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from peers.peer import Peer
from peers.question import LONGEST_HALF_HOURS, Question
from peers.sql import STRETCHES, Dialect, Form, Sql, names_for

DIALECT = Dialect(
    divide=lambda one, other: f"({one} / {other})",
    series=lambda first, end: f"unnest(range({first}, {end}))",
    big="BIGINT",
)
FORMS = {
    f"{source} {form.name}": (source, form)
    for source in ("memory", "parquet")
    for form in [STRETCHES] + [Form(split, True, False) for split in ("expand", "unnest", "parts")]
}
BATCH_ROWS = 32_768


class DataFusion(Peer):
    """A context with both forms of the tables."""

    def __init__(self, folder: Path, threads: int) -> None:
        self.threads = threads
        self.tables = {
            name: pq.read_table(folder / f"{name}.parquet").combine_chunks()
            for name in ("sessions", "license_lines")
        }
        self.starts = {name: table["start_half_hour"].to_numpy() for name, table in self.tables.items()}
        self.stretches: dict[str, datafusion.SessionContext] = {}
        self.parquet = self.context()
        for name in self.tables:
            self.parquet.register_parquet(name, str(folder / f"{name}.parquet"))

    def context(self) -> datafusion.SessionContext:
        """A context with the right number of partitions."""
        settings = datafusion.SessionConfig().with_target_partitions(self.threads)
        settings = settings.set("datafusion.execution.parquet.pushdown_filters", "true")
        return datafusion.SessionContext(settings)

    @property
    def version(self) -> str:
        return datafusion.__version__

    def forms(self, question: Question) -> list[str]:
        return names_for(question, {name: form for name, (_, form) in FORMS.items()})

    def run(self, question: Question, form: str) -> Any:
        source, shape = FORMS[form]
        context = self.parquet if source == "parquet" else self.in_memory(question)
        return context.sql(Sql(question, DIALECT, shape).statement()).collect()

    def table(self, question: Question, form: str) -> pa.Table:
        return pa.Table.from_batches(self.run(question, form))

    def in_memory(self, question: Question) -> datafusion.SessionContext:
        """A context whose tables are the stretch of rows that can touch the window, made once and without a copy."""
        if question.name not in self.stretches:
            self.stretches[question.name] = self.stretch(question)
        return self.stretches[question.name]

    def stretch(self, question: Question) -> datafusion.SessionContext:
        """Cuts the stretch out of the sorted rows."""
        context = self.context()
        for name, table in self.tables.items():
            bounds = [question.start - LONGEST_HALF_HOURS, question.end]
            first, end = np.searchsorted(self.starts[name], np.array(bounds, dtype=np.int32))
            batches = table.slice(first, end - first).to_batches(max_chunksize=BATCH_ROWS)
            batches = batches or [pa.RecordBatch.from_pylist([], schema=table.schema)]
            partitions = [batches[index :: self.threads] for index in range(min(self.threads, len(batches)))]
            context.register_record_batches(name, partitions)
        return context
