"""Exploration, for programs: the first pit of a trace, with all that is known of it.

pit = workbench.predict(trace_id="91ab…", method="adaptive", max_seconds=30, api_name="/find_pit")
pit["step"], pit["posterior"], pit["before"], pit["after"], pit["num_tokens"], pit["ended"]
"""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from reasoner import arguments
from reasoner.api_part import ApiPart
from reasoner.explore import METHODS, Budget, Interrupted, explore, is_unfinished, pits_of
from reasoner.records import Pit, Problem, Trace
from reasoner.recovery import after, before, recovery

MAX_K = 32  # completions a prefix
MAX_TOKENS = 10_000_000
MAX_SECONDS = 24 * 3600

Json = dict[str, Any]


class ExploreApi(ApiPart):
    """The functions, bound to one workbench."""

    def functions(self) -> dict[str, Callable[..., Any]]:
        """Name → function."""
        return {"find_pit": self.find_pit}

    def find_pit(
        self,
        trace_id: str,
        k: int = 4,
        temperature: float = 0.7,
        seed: int = 0,
        method: str = "adaptive",
        max_tokens: int | None = None,
        max_seconds: float | None = None,
        judged_by: str = "gold",
    ) -> Json:
        """Find a trace's first pit by sampling: the first step after which the model goes wrong.

        "Not recovered in k tries" is evidence, no proof: the posterior says how sure it is, and where else the pit may
        be. What was sampled before with the same settings is taken up and costs nothing, so a search out of its
        budget goes on when it is asked for again.

        Args:
            trace_id: A trace whose answer is wrong, as get_problem gives it.
            k: Completions sampled from a prefix at most, 1 to 32.
            temperature: Sampling temperature, 0 to 2.
            seed: The same seed gives the same samples.
            method: "adaptive" (where a completion tells most; k sets how sure is sure enough), "linear" (Self-Explore's
                rule, arXiv 2404.10346: k completions of every prefix in order) or "binary" (OmegaPRM's).
            max_tokens: Stop when so many tokens are generated; null for no limit, 0 samples nothing.
            max_seconds: Stop after so many seconds; null for no limit.
            judged_by: "gold" compares completions with the right answer, "agreement" with the answer that most samples
                of the question give, where the right one is not known.

        Returns:
            {"id", "step": 0-based or null, "posterior": [chance of each step, last of none], "ended": why it ended,
            "is_unfinished": ended before it could say, "judged_by", "num_tokens", "seconds", "recovery": [{"step",
            "successes", "tries", "rate", "low", "high"}] of each prefix, "before" and "after": that of the prefixes
            right before the pit and with it, or null, "probes": [{"step", "completions", "recovered"}], ...}
        """
        trace = self._trace(trace_id)
        problem = self._problem(trace.problem_id)
        budget = Budget(
            None if max_tokens is None else arguments.whole(max_tokens, "max_tokens", 0, MAX_TOKENS),
            None if max_seconds is None else arguments.number(max_seconds, "max_seconds", 0, MAX_SECONDS),
        )
        settings: Json = {
            "k": arguments.whole(k, "k", 1, MAX_K),
            "temperature": arguments.number(temperature, "temperature", 0.0, 2.0),
            "seed": arguments.whole(seed, "seed", 0, 2**31 - 1),
            "method": arguments.choice(method, "method", METHODS),
            "judged_by": arguments.choice(judged_by, "judged_by", ("gold", "agreement")),
        }
        store, engine = self.workbench.store, self.workbench.engine()
        try:
            pit = explore(engine, trace, problem, budget=budget, earlier=pits_of(store), **settings)
        except Interrupted as error:
            for partial in error.partial:  # unfinished, and says so: asked again, the search goes on from there
                if partial.probes:
                    store.add_pit(partial)
            raise
        store.add_pit(pit)
        return pit_json(trace, problem, pit)


def pit_json(trace: Trace, problem: Problem, pit: Pit) -> Json:
    """A pit with its recovery rates, for programs."""
    around = {"before": before(trace, problem, pit), "after": after(trace, problem, pit)}
    return {
        **asdict(pit),
        "num_tokens": pit.num_tokens,
        "is_unfinished": is_unfinished(pit),
        "recovery": [asdict(one) for one in recovery(trace, problem, pit)],
        **{name: asdict(one) if one else None for name, one in around.items()},
    }
