"""How much an exploration may take, and how far one is.

    explore(engine, trace, problem, budget=Budget(tokens=2_000, seconds=30), watch=print, should_stop=button.is_set)

A budget is looked at between rounds: what is under way is finished, so a trace may take one round more than it says.
"""

from collections.abc import Callable
from dataclasses import dataclass

from reasoner.errors import BadInput
from reasoner.records import Probe


@dataclass(frozen=True, slots=True)
class Budget:
    """What may be spent. 0: nothing is sampled, and what is known beforehand is all there is."""

    tokens: int | None = None  # generated ones, for each trace; None: no limit
    seconds: float | None = None  # for all traces of one call together; None: no limit

    def __post_init__(self) -> None:
        if (self.tokens or 0) < 0 or (self.seconds or 0) < 0:
            raise BadInput("A budget cannot be below 0: leave it out for no limit.")


NO_LIMIT = Budget()


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the exploration of one trace is; told after every round that brought it something, and at its end."""

    trace_id: str
    problem_id: str
    probes: tuple[Probe, ...]  # so far, by step
    posterior: tuple[float, ...]  # 0-1 of each step to be the pit, and last of none
    num_completions: int  # at hand: sampled, or known from before
    num_tokens: int  # generated for this trace
    seconds: float  # since the call began
    budget: Budget
    is_over: bool


Watch = Callable[[Progress], None]
ShouldStop = Callable[[], bool]
