"""What a search for the pit asks for and what it is told, apart from any engine.

    Request(step=2, num=4)                         four completions, please, of the prefix that ends with step 2
    Outcome(recovered=False, tokens=31, repeated=1)   one: it wrote the trace's step 3 again, then something else, and
                                                   did not reach the gold answer

A completion that begins with the trace's own next steps passes through their states: from there on it is a completion
of those states too, drawn as any other. So it counts where it *departs* from the trace, `step + repeated`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Request:
    """Completions that a search wants next."""

    step: int  # 0-based last step of the prefix, inclusive
    num: int  # at least 1


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one completion."""

    recovered: bool  # did it reach the gold answer
    tokens: int = 0  # generated
    repeated: int = 0  # the trace's next prefixes that it passed through, word by word


@dataclass(frozen=True, slots=True)
class Task:
    """What is known of a trace before anything is sampled."""

    num_steps: int  # prefixes that may be tried: the trace's steps, or the cap where it has more
    prior: tuple[float, ...] = ()  # chance of the pit at step 0, 1, … and, last, of none; sums to 1. Empty: all alike
    lengths: tuple[float, ...] = ()  # expected tokens of a completion of each prefix; empty: all alike
    ends_wrong: bool = True  # the trace's own answer stands at its end, and is wrong


class Search(Protocol):
    """One trace on its way to its pit. Ask, sample, tell, until there is no request any more."""

    def next_request(self) -> Request | None:
        """What to sample next; None when the search is over. Asking twice without telling gives the same."""

    def tell(self, step: int, outcomes: Sequence[Outcome]) -> None:
        """Completions of the prefix that ends with `step`: those asked for, or any others that are at hand."""

    @property
    def pit(self) -> int | None:
        """The 0-based step of the pit as far as is known now; None: no pit."""


@dataclass
class Tally:
    """How the completions of one trace fell out, prefix by prefix, each counted where it was asked for."""

    num_steps: int
    right: list[int] = field(default_factory=list)
    wrong: list[int] = field(default_factory=list)
    tokens: int = 0

    def __post_init__(self) -> None:
        self.right, self.wrong = [0] * self.num_steps, [0] * self.num_steps

    def add(self, step: int, outcomes: Sequence[Outcome]) -> None:
        recovered = sum(outcome.recovered for outcome in outcomes)
        self.right[step] += recovered
        self.wrong[step] += len(outcomes) - recovered
        self.tokens += sum(outcome.tokens for outcome in outcomes)

    def num(self, step: int) -> int:
        return self.right[step] + self.wrong[step]
