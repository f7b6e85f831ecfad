"""One row a trace, as bulk exploration writes it to Parquet: the problem, the trace, and the pit with its evidence.

    for explored in iter_rows(Path("explored")):        one after the other, a row group in memory at a time
        explored.pit.step
    read_row(Path("explored"), 70_000)                  that row alone: one row group is read
    num_rows(Path("explored"))                          100000, from the files' footers

A folder of rows holds part-00000.parquet, part-00001.parquet …, itself or in folders below it (one a task). Shards are
only ever added, so a row's number stays the same while a run without tasks goes on.

The columns of problem and trace are those of the plain format (reasoner/interchange/plain.py), so that a shard can be
explored again, or opened by anything that reads Parquet. Those of the pit begin with pit_; `probes` and `recovery`
(how often the answer was reached from where, reasoner/recovery.py) are lists of records. A step of None is "no pit
among the prefixes tried".

Not covered: people's labels; they stay where they were given.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from reasoner.errors import BadInput
from reasoner.records import Maker, Pit, Probe, Problem, Step, Trace, Verdict
from reasoner.recovery import num_completions, recovery

SHARD = "part-{:05}.parquet"
ROWS_A_GROUP = 100  # ours: what `read_row` decodes to show one; larger groups would compress little better
BATCH = 100  # rows decoded at once when all are read

Values = dict[str, Any]
"""A row as plain values, by the columns of `schema`."""


@dataclass(frozen=True, slots=True)
class Explored:
    """One row: what was explored, and what was found."""

    problem: Problem
    trace: Trace
    pit: Pit


def rows_of(explored: Explored) -> Values:
    """The row that keeps this exploration; `record_of` gives it back."""
    row, pit = trace_row(explored.trace, explored.problem), explored.pit
    row |= {"pit_id": pit.id, "pit_step": pit.step, "pit_method": pit.method, "pit_k": pit.k}
    row |= {"pit_ended": pit.ended, "pit_judged_by": pit.judged_by, "pit_posterior": list(pit.posterior)}
    row |= {"pit_maker": asdict(pit.maker), "pit_created": pit.created, "pit_seconds": pit.seconds}
    row |= {"pit_tokens": pit.num_tokens, "pit_completions": num_completions(pit)}
    row["probes"] = [_probe_row(probe) for probe in pit.probes]
    row["recovery"] = [asdict(one) for one in recovery(explored.trace, explored.problem, pit)]
    return row


def trace_row(trace: Trace, problem: Problem) -> Values:
    """The row's columns of trace and problem; `trace_of` gives both back."""
    row: Values = asdict(problem)
    row |= {"problem_id": row.pop("id"), "trace_id": trace.id, "format": trace.format, "prompt": trace.prompt}
    row |= {"text": trace.text, "steps": [step.text for step in trace.steps]}
    row |= {"outcomes": [step.outcome for step in trace.steps], "actions": [step.action for step in trace.steps]}
    row |= {"are_legal": [step.is_legal for step in trace.steps], "kinds": [step.kind for step in trace.steps]}
    row |= {"final_answer": trace.answer, "verdict": trace.verdict.status, "model": trace.maker.model}
    row |= {"verdict_extracted": trace.verdict.extracted, "verdict_reason": trace.verdict.reason}
    return row | {"maker": asdict(trace.maker), "trace_created": trace.created}


def _probe_row(probe: Probe) -> Values:
    lists = {"recovered": list(probe.recovered), "is_cut": list(probe.is_cut)}
    return asdict(probe) | lists | {"completions": list(map(_whole, probe.completions))}


def _whole(text: str) -> str:
    """The text, half characters (lone surrogates, as a server's JSON may hold them) replaced by “?”."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def record_of(row: Values) -> Explored:
    """What the row keeps, exactly as it was."""
    trace, problem = trace_of(row)
    return Explored(problem, trace, _pit(row))


def trace_of(row: Values) -> tuple[Trace, Problem]:
    """The trace and the problem of a row, exactly as they were."""
    problem = Problem(
        **{key: row[key] for key in ("question", "answer", "source", "solution", "level", "spec")}, id=row["problem_id"]
    )
    parts = zip_longest(row["steps"], row["actions"], row["are_legal"], row["kinds"], row["outcomes"])
    trace = Trace(
        id=row["trace_id"],
        problem_id=problem.id,
        steps=tuple(Step(*part) for part in parts),
        prompt=row["prompt"],
        text=row["text"],
        format=row["format"],
        answer=row["final_answer"],
        verdict=Verdict(row["verdict"], row["verdict_extracted"], row["verdict_reason"]),
        maker=Maker(**row["maker"]),
        created=row["trace_created"],
    )
    return trace, problem


def _pit(row: Values) -> Pit:
    return Pit(
        id=row["pit_id"],
        trace_id=row["trace_id"],
        problem_id=row["problem_id"],
        step=row["pit_step"],
        method=row["pit_method"],
        k=row["pit_k"],
        probes=tuple(_probe(probe) for probe in row["probes"]),
        maker=Maker(**row["pit_maker"]),
        created=row["pit_created"],
        seconds=row["pit_seconds"],
        posterior=tuple(row["pit_posterior"]),
        judged_by=row["pit_judged_by"],
        ended=row["pit_ended"],
    )


def _probe(values: Values) -> Probe:
    return Probe(**values | {name: tuple(values[name]) for name in ("completions", "recovered", "is_cut")})


def schema() -> Any:
    """The columns and their types, a pyarrow.Schema."""
    import pyarrow as pa

    text, whole, real = pa.string(), pa.int64(), pa.float64()
    texts = {"engine": text, "model": text, "adapter": text}
    maker = pa.struct(list({**texts, "seed": whole, "temperature": real, "top_p": real}.items()))
    probe = pa.struct(
        [
            ("step", whole),
            ("completions", pa.list_(text)),
            ("recovered", pa.list_(pa.bool_())),
            ("num_tokens", whole),
            ("prompt", text),
            ("is_cut", pa.list_(pa.bool_())),
            ("is_passing", pa.bool_()),
        ]
    )
    counted = {"step": whole, "successes": whole, "tries": whole, "rate": real, "low": real, "high": real}
    columns: dict[str, Any] = dict.fromkeys(["question", "answer", "source", "solution", "level", "spec"], text)
    columns |= dict.fromkeys(["problem_id", "trace_id", "format", "prompt", "text"], text)
    columns |= dict.fromkeys(["steps", "outcomes", "actions"], pa.list_(text))
    columns |= {"are_legal": pa.list_(pa.bool_()), "kinds": pa.list_(text), "final_answer": text, "verdict": text}
    columns |= dict.fromkeys(["model", "verdict_extracted", "verdict_reason"], text)
    columns |= {"maker": maker, "trace_created": real, "pit_id": text, "pit_step": whole, "pit_method": text}
    columns |= {"pit_k": whole, "pit_ended": text, "pit_judged_by": text, "pit_posterior": pa.list_(real)}
    columns |= {"pit_maker": maker, "pit_created": real, "pit_seconds": real, "pit_tokens": whole}
    columns |= {"pit_completions": whole, "probes": pa.list_(probe)}
    columns["recovery"] = pa.list_(pa.struct(list(counted.items())))
    return pa.schema(list(columns.items()))


def shards(folder: Path) -> list[Path]:
    """The folder's shards in the order of their rows. Raises BadInput when there is no such folder."""
    if not folder.is_dir():
        raise BadInput(f"There is no folder {folder}. Name one that `python -m reasoner explore --out` has written.")
    return sorted(folder.rglob("part-*.parquet"))


def num_rows(folder: Path) -> int:
    """How many rows the folder holds; none of them is read."""
    return sum(opened(path).metadata.num_rows for path in shards(folder))


def iter_rows(folder: Path) -> Iterator[Explored]:
    """All rows in their order, a batch of them in memory at a time."""
    for path in shards(folder):
        for batch in batches(path):
            yield from map(record_of, batch)


def batches(path: Path, columns: Sequence[str] | None = None) -> Iterator[list[Values]]:
    """One shard's rows as plain values, `BATCH` at a time; only these columns where they are named."""
    file = opened(path)
    with damage_in_words(path):
        for batch in file.iter_batches(batch_size=BATCH, columns=list(columns) if columns else None):
            yield batch.to_pylist()


def read_row(folder: Path, number: int) -> Explored:
    """Row `number` of the folder, counted from 0: one row group is read. Raises BadInput when there is no such row."""
    left = number
    for path in shards(folder) if number >= 0 else []:
        file = opened(path)
        for group in range(file.metadata.num_row_groups):
            size = file.metadata.row_group(group).num_rows
            if left < size:
                with damage_in_words(path):
                    return record_of(file.read_row_group(group).slice(left, 1).to_pylist()[0])
            left -= size
    raise BadInput(f"{folder} has no row {number}; its rows are numbered 0 to {num_rows(folder) - 1}.")


@contextmanager
def damage_in_words(path: Path) -> Iterator[None]:
    """Errors of a shard that cannot be read, said so that a person knows what to do."""
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno:
            raise BadInput(f"{path} cannot be read: {error.strerror}.") from error
        raise BadInput(
            f"{path} is damaged ({str(error).splitlines()[0][:200]}). Delete it and run the same exploration again: "
            "what it held is explored anew."
        ) from error


def opened(path: Path) -> Any:
    """The shard's pyarrow.parquet.ParquetFile. Raises BadInput where it is none of ours."""
    import pyarrow.parquet as pq

    with damage_in_words(path):
        file = pq.ParquetFile(path)
    missing = sorted(set(schema().names) - set(file.schema_arrow.names))
    if missing:
        raise BadInput(f"{path} is no shard of explored traces: it has no column “{missing[0]}”.")
    return file
