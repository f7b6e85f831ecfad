"""How to look for the first pit: search policies apart from any engine, as small machines that ask and are told.

    search = SEARCHES["adaptive"](task, k=4)
    while request := search.next_request():
        search.tell(request.step, outcomes_of(request))
    search.pit

linear      k completions of every prefix in order                 Self-Explore, arXiv 2404.10346 §3.2
binary      k completions in the middle of what is left            OmegaPRM, arXiv 2406.06592 §3.2
adaptive    one completion where it tells most about the pit       ours, after arXiv 2410.05563

Whoever has an engine gathers the requests of many searches into one batch.
"""

from collections.abc import Callable

from reasoner.exploring.adaptive import AdaptiveSearch, Effort
from reasoner.exploring.belief import Belief
from reasoner.exploring.binary import BinarySearch
from reasoner.exploring.evidence import Outcome, Request, Search, Task
from reasoner.exploring.linear import LinearSearch
from reasoner.exploring.prior import gathered, prior_of

SEARCHES: dict[str, Callable[[Task, int], Search]] = {
    "linear": LinearSearch,
    "binary": BinarySearch,
    "adaptive": AdaptiveSearch,
}

__all__ = [
    "SEARCHES",
    "AdaptiveSearch",
    "Belief",
    "BinarySearch",
    "Effort",
    "LinearSearch",
    "Outcome",
    "Request",
    "Search",
    "Task",
    "gathered",
    "prior_of",
]
