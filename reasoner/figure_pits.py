"""What a machine found in a trace, as the page gets it: how often each state recovered, and where the pit may be.

    pit_json(trace, problem, pit)
    {"step": 1, "rates": [[0, 3, 5, .28, .88], …], "posterior": [.1, .62, .2, .08], "tokens": 640, …}

Rates are counted at states, not at requests: a completion counts wherever it passes (reasoner/recovery.py). What the
completions say stays on the server until a person asks for it, so that pages stay small.
"""

from typing import Any

from reasoner.budget import can_go_on
from reasoner.records import Pit, Problem, Trace
from reasoner.recovery import recovery


def pit_json(trace: Trace, problem: Problem, pit: Pit, by: str) -> dict[str, Any]:
    """All of a pit but its texts. rates: [0-based step, recovered, tries, low, high], the bounds 95 % credible."""
    return {
        "id": pit.id,
        "step": pit.step,
        "is_right": trace.verdict.status == "right",
        "method": pit.method,
        "k": pit.k,
        "by": by,
        "probes": [[probe.step, sum(probe.recovered), len(probe.recovered)] for probe in pit.probes],
        "rates": [
            [one.step, one.successes, one.tries, round(one.low, 3), round(one.high, 3)]
            for one in recovery(trace, problem, pit)
        ],
        "posterior": [round(share, 4) for share in pit.posterior],
        "judged_by": pit.judged_by,
        "ended": pit.ended,
        "can_go_on": can_go_on(pit),
        "tokens": pit.num_tokens,
        "seconds": round(pit.seconds, 1),
    }
