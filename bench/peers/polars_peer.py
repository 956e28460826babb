"""Polars: a frame in memory, sorted by start, of which the window's stretch is cut out by a binary search."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import polars as pl
import pyarrow as pa

from peers.peer import Peer
from peers.question import FEW_BUCKETS, LONGEST_HALF_HOURS, Question, instant_ms

BIG = pl.Int64
FORMS: dict[str, tuple[str, Literal["in-memory", "streaming"]]] = {
    f"{split} {engine}": (split, engine) for split in ("stretches", "parts", "unnest") for engine in ("in-memory", "streaming")
}


class Polars(Peer):
    """Both tables as frames. The number of threads is set by the environment, before this process starts."""

    def __init__(self, folder: Path, threads: int) -> None:
        if pl.thread_pool_size() != threads:
            raise RuntimeError(f"Polars has {pl.thread_pool_size()} threads instead of {threads}")
        self.frames = {name: load(folder / f"{name}.parquet") for name in ("sessions", "license_lines")}

    @property
    def version(self) -> str:
        return pl.__version__

    def forms(self, question: Question) -> list[str]:
        has_few = len(question.buckets) <= FEW_BUCKETS
        return [name for name, (split, _) in FORMS.items() if has_few or split != "stretches"]

    def run(self, question: Question, form: str) -> Any:
        split, engine = FORMS[form]
        plan = Plan(question, self.frames)
        return plan.answer(split).collect(engine=engine)

    def table(self, question: Question, form: str) -> pa.Table:
        return self.run(question, form).to_arrow()


def load(file: Path) -> pl.DataFrame:
    """A table in memory, a column in one piece: one after the other, because all at once take twice the memory on the way."""
    columns = pl.read_parquet_schema(file)
    return pl.DataFrame([pl.read_parquet(file, columns=[name]).to_series().rechunk() for name in columns])


class Plan:
    """One question as a lazy plan."""

    def __init__(self, question: Question, frames: dict[str, pl.DataFrame]) -> None:
        self.question = question
        self.frames = frames

    def answer(self, split: str) -> pl.LazyFrame:
        """The whole plan: pieces, grouped by key."""
        if split == "stretches":
            return pl.concat([self.stretch_groups(bucket) for bucket in range(len(self.question.buckets))])
        lines = self.lines()
        pieces = [self.whole(lines)]
        pieces += [self.first(lines), self.last(lines), self.middle(lines)] if split == "parts" else [self.cut(lines)]
        return pl.concat(pieces).group_by("key").agg(statistics())

    def stretch_groups(self, bucket: int) -> pl.LazyFrame:
        """The groups of one bucket, from the sessions that can touch it."""
        start, end = self.question.buckets[bucket]
        lines = self.lines((start, end)).with_columns(
            pl.max_horizontal("start_ms", pl.lit(instant_ms(start), BIG)).alias("lo"),
            pl.min_horizontal("end_ms", pl.lit(instant_ms(end), BIG)).alias("hi"),
        )
        groups = [f"group_{position}" for position in range(len(self.question.groups))]
        is_whole = (pl.col("start_half_hour") >= start) & (pl.col("last_half_hour") < end)
        runtime = (pl.col("hi") - pl.col("lo")).alias("runtime")
        whole = lines.filter(is_whole).select(*groups, "cost", runtime)
        cut = lines.filter(~is_whole).select(*groups, (self.accrued("hi") - self.accrued("lo")).alias("cost"), runtime)
        grouped = pl.concat([whole, cut]).group_by(groups).agg(statistics())
        return grouped.select(pl.lit(bucket, BIG).alias("bucket"), pl.all())

    def lines(self, window: tuple[int, int] | None = None) -> pl.LazyFrame:
        """What is counted in a window, with the buckets of its first and its last millisecond."""
        groups = self.question.groups
        window = window or (self.question.start, self.question.end)
        if "product" in groups:
            return self.lines_of("license_lines", "license_nanos", None, window)
        if "usage_type" in groups:
            compute = self.lines_of("sessions", "compute_nanos", 0, window)
            return pl.concat([compute, self.lines_of("license_lines", "license_nanos", 1, window)])
        return self.lines_of("sessions", "total_nanos", None, window)

    def lines_of(self, table: str, cost: str, usage_type: int | None, window: tuple[int, int]) -> pl.LazyFrame:
        """The lines that are in one table."""
        question = self.question
        stretch = self.stretch(self.frames[table], window).lazy()
        wanted = stretch.filter(
            (pl.col(question.resource) < question.resources) & (pl.col("last_half_hour") >= window[0])
        )
        named = [
            (pl.lit(usage_type, pl.Int8) if group == "usage_type" else pl.col(group)).alias(f"group_{position}")
            for position, group in enumerate(question.groups)
        ]
        by_line = [pl.col("compute_nanos"), pl.col("license_nanos")] if cost == "total_nanos" else []
        times = ["start_ms", "end_ms", "runtime_ms", "start_half_hour", "last_half_hour"]
        return wanted.select(
            *named,
            *times,
            pl.col(cost).alias("cost"),
            *by_line,
            self.bucket("start_half_hour").alias("first_bucket"),
            self.bucket("last_half_hour").alias("last_bucket"),
        )

    def stretch(self, frame: pl.DataFrame, window: tuple[int, int]) -> pl.DataFrame:
        """The rows whose starts allow a piece in a window."""
        starts = frame["start_half_hour"]
        first = starts.search_sorted(max(window[0] - LONGEST_HALF_HOURS, -100), side="left")
        end = starts.search_sorted(window[1], side="left")
        return frame.slice(first, end - first)

    def bucket(self, half_hour: str) -> pl.Expr:
        """The bucket of a half-hour that is clipped to the window first."""
        question = self.question
        column = pl.col(half_hour)
        if question.width:
            clipped = column.clip(question.start, question.end - 1)
            return ((clipped - question.origin) // question.width).cast(pl.Int32)
        bucket = pl.lit(0, pl.Int8)
        for edge in question.inner_edges:
            bucket = bucket + (column >= edge).cast(pl.Int8)
        return bucket.cast(pl.Int32)

    def edge_ms(self, bucket: pl.Expr) -> pl.Expr:
        """Start of a bucket that is not the first, in milliseconds."""
        question = self.question
        if question.width:
            width_ms = instant_ms(question.width) - instant_ms(0)
            return bucket.cast(BIG) * width_ms + instant_ms(question.origin)
        edges = [question.start, *question.inner_edges, question.end]
        return bucket.replace_strict(range(len(edges)), [instant_ms(edge) for edge in edges], return_dtype=BIG)

    def is_whole(self) -> pl.Expr:
        """Whether a session lies in one bucket and in the window."""
        return (
            (pl.col("first_bucket") == pl.col("last_bucket"))
            & (pl.col("start_half_hour") >= self.question.start)
            & (pl.col("last_half_hour") < self.question.end)
        )

    def whole(self, lines: pl.LazyFrame) -> pl.LazyFrame:
        """Sessions that are not cut."""
        runtime = pl.col("runtime_ms").cast(BIG).alias("runtime")
        return lines.filter(self.is_whole()).select(self.key("first_bucket"), "cost", runtime)

    def first(self, lines: pl.LazyFrame) -> pl.LazyFrame:
        """The first piece of every session that is cut."""
        edge = self.edge_ms(pl.col("first_bucket") + 1)
        lo = pl.max_horizontal("start_ms", pl.lit(self.question.start_ms, BIG))
        hi = pl.min_horizontal("end_ms", pl.lit(self.question.end_ms, BIG), edge)
        return self.pieces(lines.filter(~self.is_whole()), "first_bucket", lo, hi)

    def last(self, lines: pl.LazyFrame) -> pl.LazyFrame:
        """The last piece of every session that lies in several buckets."""
        several = lines.filter(pl.col("last_bucket") > pl.col("first_bucket"))
        hi = pl.min_horizontal("end_ms", pl.lit(self.question.end_ms, BIG))
        return self.pieces(several, "last_bucket", self.edge_ms(pl.col("last_bucket")), hi)

    def middle(self, lines: pl.LazyFrame) -> pl.LazyFrame:
        """The pieces between the first and the last."""
        long = lines.filter(pl.col("last_bucket") > pl.col("first_bucket") + 1)
        between = pl.int_ranges(pl.col("first_bucket") + 1, pl.col("last_bucket"), dtype=pl.Int32)
        expanded = long.with_columns(between.alias("bucket")).explode("bucket")
        return self.pieces(
            expanded, "bucket", self.edge_ms(pl.col("bucket")), self.edge_ms(pl.col("bucket") + 1)
        )

    def cut(self, lines: pl.LazyFrame) -> pl.LazyFrame:
        """All pieces of the sessions that are cut, expanded."""
        question = self.question
        buckets = pl.int_ranges(pl.col("first_bucket"), pl.col("last_bucket") + 1, dtype=pl.Int32)
        expanded = lines.filter(~self.is_whole()).with_columns(buckets.alias("bucket")).explode("bucket")
        bucket = pl.col("bucket")
        lo = pl.when(bucket == pl.col("first_bucket")).then(pl.col("start_ms")).otherwise(self.edge_ms(bucket))
        lo = pl.max_horizontal(lo, pl.lit(question.start_ms, BIG))
        hi = pl.min_horizontal("end_ms", pl.lit(question.end_ms, BIG), self.edge_ms(bucket + 1))
        return self.pieces(expanded, "bucket", lo, hi)

    def pieces(self, lines: pl.LazyFrame, bucket: str, lo: pl.Expr, hi: pl.Expr) -> pl.LazyFrame:
        """Key, cost and runtime of the pieces from `lo` to `hi`."""
        cut = lines.with_columns(lo.alias("lo"), hi.alias("hi"))
        cost = self.accrued("hi") - self.accrued("lo")
        return cut.select(self.key(bucket), cost.alias("cost"), (pl.col("hi") - pl.col("lo")).alias("runtime"))

    def accrued(self, instant: str) -> pl.Expr:
        """What the lines have cost up to an instant inside the session; see `peers.sql` for the arithmetic."""
        by_session = not {"product", "usage_type"} & set(self.question.groups)
        elapsed, runtime = pl.col(instant) - pl.col("start_ms"), pl.col("runtime_ms").cast(BIG)
        total = pl.lit(0, BIG)
        for name in ["compute_nanos", "license_nanos"] if by_session else ["cost"]:
            line = pl.col(name)
            total = total + (line // runtime) * elapsed + (line % runtime) * elapsed // runtime
        return total

    def key(self, bucket: str) -> pl.Expr:
        """Bucket and groups as one integer."""
        first, second = self.question.codes
        key = (pl.col(bucket).cast(BIG) * first + pl.col("group_0").cast(BIG)) * second
        if len(self.question.groups) == 2:
            key = key + pl.col("group_1").cast(BIG)
        return key.alias("key")


def statistics() -> list[pl.Expr]:
    """What is computed of every group."""
    expressions = [pl.len().alias("sessions")]
    for column in ("cost", "runtime"):
        of = pl.col(column)
        expressions += [of.sum().alias(f"{column}_sum"), of.min().alias(f"{column}_min"), of.max().alias(f"{column}_max")]
    return expressions
