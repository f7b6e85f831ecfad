"""What became of every trace of a bulk exploration.

print(counts)
100,000 explored: 81,204 first pits, 18,796 without; 3,902,113 completions, 214,616,215 tokens, 5,211 seconds
12 failed: 12 the server does not answer
3 left out: 2 its answer is right, 1 broken JSON
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from reasoner.records import Pit
from reasoner.recovery import num_completions
from reasoner.scale.rows import Values

MAX_REASONS = 50  # different ones that are counted apart; the rest are "other reasons"
MAX_SHOWN = 100  # messages kept
MAX_REASON = 300  # characters

SUMS = ("explored", "found", "undecided", "completions", "tokens", "seconds")
COUNTED = ("trace_id", "pit_step", "pit_tokens", "pit_completions", "pit_seconds")
"""The columns of a row that `add_row` needs."""


@dataclass
class Counts:
    """One folder's counts. Explored ones are all that the folder holds, the others those of the last run."""

    explored: int = 0
    found: int = 0  # with a first pit
    undecided: int = 0  # nothing could be sampled (the budget was 0, the model took no prefix), so nothing was found
    completions: int = 0
    tokens: int = 0
    seconds: float = 0.0  # of sampling and judging, all runs together
    earlier: int = 0  # of the explored, those that the folder held when this run began
    waiting: int = 0  # not done yet, where the number of traces is known beforehand
    left_out: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    messages: list[str] = field(default_factory=list)  # which trace failed or which line was left out: the first ones
    is_complete: bool = False  # was the whole input read, and nothing failed?
    stopped: str = ""  # why the run ended before its input did, for a person

    @property
    def none(self) -> int:
        """Explored traces of which every tried prefix recovered."""
        return self.explored - self.found - self.undecided

    def add_pit(self, pit: Pit) -> None:
        self._add(pit.step, pit.num_tokens, num_completions(pit), pit.seconds)

    def add_row(self, row: Values) -> None:
        """A row of an earlier run."""
        self._add(row["pit_step"], row["pit_tokens"], row["pit_completions"], row["pit_seconds"])
        self.earlier += 1

    def _add(self, step: int | None, tokens: int, completions: int, seconds: float) -> None:
        self.explored += 1
        self.found += step is not None
        self.undecided += step is None and not completions
        self.tokens += tokens
        self.completions += completions
        self.seconds += seconds

    def leave_out(self, reason: str, where: str = "") -> None:
        self._count(self.left_out, reason.partition(":")[0], f"{where}: {reason}" if where else "")

    def fail(self, reason: str, trace_id: str) -> None:
        self._count(self.failed, reason, f"trace {trace_id} failed: {reason}")

    def _count(self, counter: Counter[str], reason: str, message: str) -> None:
        reason = reason.strip()[:MAX_REASON]
        counter["other reasons" if reason not in counter and len(counter) >= MAX_REASONS else reason] += 1
        if message and len(self.messages) < MAX_SHOWN:
            self.messages.append(message[: 2 * MAX_REASON])

    def values(self) -> dict[str, Any]:
        """As counts.json has them."""
        sums = {name: getattr(self, name) for name in (*SUMS[:-1], "none")}
        return {
            **sums,
            "seconds": round(self.seconds, 3),
            "explored_before": self.earlier,
            "waiting": self.waiting,
            "left_out": dict(self.left_out.most_common()),
            "failed": dict(self.failed.most_common()),
            "num_left_out": self.left_out.total(),
            "num_failed": self.failed.total(),
            "is_complete": self.is_complete,
            "stopped": self.stopped,
            "messages": self.messages,
        }

    @classmethod
    def of(cls, values: dict[str, Any]) -> "Counts":
        """The counts that `values` gave."""
        same = {name: values[name] for name in SUMS}
        return cls(
            **same,
            earlier=values["explored_before"],
            waiting=values["waiting"],
            left_out=Counter(values["left_out"]),
            failed=Counter(values["failed"]),
            messages=list(values["messages"]),
            is_complete=values["is_complete"],
            stopped=values["stopped"],
        )

    @classmethod
    def total(cls, parts: Iterable["Counts"]) -> "Counts":
        """All tasks' counts together: complete where each of them is."""
        whole = cls(is_complete=True)
        for part in parts:
            for name in (*SUMS, "earlier", "waiting"):
                setattr(whole, name, getattr(whole, name) + getattr(part, name))
            whole.left_out += part.left_out
            whole.failed += part.failed
            whole.messages = (whole.messages + part.messages)[:MAX_SHOWN]
            whole.is_complete &= part.is_complete
            whole.stopped = whole.stopped or part.stopped
        return whole

    def __str__(self) -> str:
        spent = f"{self.completions:,} completions, {self.tokens:,} tokens, {self.seconds:,.0f} seconds"
        undecided = f", {self.undecided:,} undecided" if self.undecided else ""
        lines = [f"{self.explored:,} explored: {self.found:,} first pits, {self.none:,} without{undecided}; {spent}"]
        if self.earlier:
            lines[0] += f" ({self.earlier:,} of them in earlier runs)"
        for name, counter in (("failed", self.failed), ("left out", self.left_out)):
            if counter:
                reasons = ", ".join(f"{count:,} {reason}" for reason, count in counter.most_common())
                lines.append(f"{counter.total():,} {name}: {reasons}")
        if self.waiting:
            lines.append(f"{self.waiting:,} not done yet: the same command goes on with them")
        if self.stopped:
            lines.append(self.stopped)
        return "\n".join(lines)
