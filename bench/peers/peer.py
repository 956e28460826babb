"""What the comparison asks of an engine."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import pyarrow as pa

from peers.question import Question, instant_ms

STATISTICS = ["cost_sum", "cost_min", "cost_max", "runtime_sum", "runtime_min", "runtime_max"]


class Peer(ABC):
    """One engine with the farm loaded."""

    @property
    @abstractmethod
    def version(self) -> str:
        """The engine's own version."""

    @abstractmethod
    def forms(self, question: Question) -> list[str]:
        """Names of the ways in which a question can be put to this engine."""

    @abstractmethod
    def run(self, question: Question, form: str) -> Any:
        """Answers a question; the result is complete and in memory. This is what is timed."""

    @abstractmethod
    def table(self, question: Question, form: str) -> pa.Table:
        """The answer as columns: `key`, or `bucket` and the groups, then `sessions` and the statistics."""

    def integers(self, question: Question, form: str) -> np.ndarray:
        """The answer as rows of ten integers, as `farmtally-bench` writes them."""
        return integers(self.table(question, form), question)


def integers(table: pa.Table, question: Question) -> np.ndarray:
    """The columns of an answer as rows of ten integers."""
    bucket, first, second = group_columns(table, question)
    starts = np.array([instant_ms(start) for start, _ in question.buckets])
    columns = [first, second, starts[bucket]]
    columns += [table[name].to_numpy().astype(np.int64) for name in ["sessions", *STATISTICS]]
    return np.column_stack(columns).astype(np.int64)


def group_columns(table: pa.Table, question: Question) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Bucket, first and second group of every row; -1 where there is no second group."""
    absent = np.full(table.num_rows, -1, dtype=np.int64)
    is_double = len(question.groups) == 2
    if "key" not in table.column_names:
        integers = [table[name].to_numpy().astype(np.int64) for name in table.column_names[:3]]
        return integers[0], integers[1], integers[2] if is_double else absent
    key = table["key"].to_numpy().astype(np.int64)
    first, second = question.codes
    groups, last = np.divmod(key, second)
    bucket, leading = np.divmod(groups, first)
    return bucket, leading, last if is_double else absent
