"""Answers as multisets of integer rows: equal in every row, or else an error that shows the first difference."""

from __future__ import annotations

from pathlib import Path

import numpy as np

COLUMNS = (
    "first group, second group, bucket start, count, cost sum, cost min, cost max, runtime sum, runtime min, runtime max"
)


class Mismatch(Exception):
    """Two engines do not agree."""


def read(file: Path) -> np.ndarray:
    """The rows of an answer in one order, whatever the order in which an engine gave them."""
    return ordered(np.fromfile(file, dtype="<i8").reshape(-1, 10))


def ordered(rows: np.ndarray) -> np.ndarray:
    """Rows of integers in that order."""
    return rows[np.lexsort(rows.T[::-1])]


def check(question: str, expected: tuple[str, np.ndarray], actual: tuple[str, np.ndarray]) -> None:
    """Raises `Mismatch` unless both named answers have the same rows."""
    (expected_name, one), (actual_name, other) = expected, actual
    if one.shape == other.shape and np.array_equal(one, other):
        return
    shared = min(len(one), len(other))
    differs = np.flatnonzero((one[:shared] != other[:shared]).any(axis=1))
    index = int(differs[0]) if len(differs) else shared
    raise Mismatch(
        f"{question}: {expected_name} has {len(one)} rows, {actual_name} has {len(other)}; they first differ in row "
        f"{index} ({COLUMNS})\n  {expected_name}: {row_text(one, index)}\n  {actual_name}: {row_text(other, index)}"
    )


def row_text(rows: np.ndarray, index: int) -> str:
    """A row, or that there is none."""
    return " ".join(map(str, rows[index])) if index < len(rows) else "no such row"
