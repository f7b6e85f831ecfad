"""What an exploration is asked for: by which method, for how much; how far it is, and how it may end too early.

    explore(engine, trace, problem, budget=Budget(tokens=2_000, seconds=30), watch=print, should_stop=button.is_set)

A budget is looked at between rounds: what is under way is finished, so a trace may take one round more than it says.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from reasoner.engines import Engine
from reasoner.errors import BadInput
from reasoner.probing import TEMPERATURE
from reasoner.records import JudgedBy, Maker, Pit, Probe

NUM_COMPLETIONS = 4  # k, Self-Explore §4


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
class Settings:
    """How pits are looked for; the same for all traces of a call."""

    method: str = "adaptive"  # a key of SEARCHES
    k: int = NUM_COMPLETIONS  # completions a prefix; for the adaptive search, the effort that stands for it
    temperature: float = TEMPERATURE
    max_steps: int | None = None  # prefixes that may be tried; None: the method's own number
    seed: int = 0
    judged_by: JudgedBy = "gold"  # "agreement": where no gold answer is known
    budget: Budget = NO_LIMIT
    shows: bool = False  # the adaptive search goes on until a way round the pit is shown, which a pair is made from

    @property
    def is_adaptive(self) -> bool:
        return self.method == "adaptive"

    def maker(self, engine: Engine) -> Maker:
        """Where the completions come from."""
        return replace(engine.maker, seed=self.seed, temperature=self.temperature, top_p=1.0)


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

STOPPED, NO_ANSWER, NO_END = "stopped", "no answer in common", "no completion came to an end"
SPENT, FAILED, REFUSED = "the budget is spent", "the engine failed", "the model cannot continue it"
"""How `Pit.ended` begins where a search did not come to its own end."""


def is_unfinished(pit: Pit) -> bool:
    """Did the search end before it could say where the pit is, or that there is none? It holds what was found."""
    return pit.ended.startswith((STOPPED, NO_ANSWER, NO_END, SPENT, FAILED, REFUSED))


def can_go_on(pit: Pit) -> bool:
    """Was the search ended from outside, so that more could be found by going on with it?"""
    return pit.ended.startswith((STOPPED, SPENT, FAILED))
