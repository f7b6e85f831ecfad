"""What the server does when the Walk screen explores: start, follow, stop, list the tries from a state, walk one.

    for mail in follow(workbench, asked):   {"trace": …, "found": {"rates": …, "posterior": …}, "spent": [640, 2.1], …}
    tries(workbench, asked)                 {"step": 1, "rows": [{"good": True, "answer": "201", "lines": […]}, …]}
    taken(workbench, asked)                 the try as a trace of its own, kept

While a search runs the page gets counts; texts only when it asks for them.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from reasoner.budget import Budget, can_go_on
from reasoner.checks.answers import judge
from reasoner.errors import BadInput
from reasoner.explore import METHODS
from reasoner.figure_pits import pit_json
from reasoner.formats.prefixes import format_of, prefix_text
from reasoner.live import Progress, Search, Wish
from reasoner.records import JudgedBy, Maker, Pit, Probe, Problem, Step, Trace, make_trace
from reasoner.store import Store
from reasoner.tabs import walk_view
from reasoner.tabs.walk_events import Asked, problem_and_trace, text, whole
from reasoner.workbench import Workbench

MAX_K = 64  # tries a step that one press may ask for (ours: as many as the tables of recoverability have)
MAX_TOKENS, MAX_SECONDS = 10_000_000, 86_400
GUEST_SECONDS = 60  # of exploring that a visitor of a Space may ask for: others wait for the same model. Ours
MAX_ROWS = 64  # tries that a page is sent at once
ENDED = "The machine has looked. What it found stands in the side panel, and colours the states."


def follow(workbench: Workbench, asked: Asked) -> Iterator[dict[str, Any]]:
    """Start exploring a trace, or follow the search that is at it already; news as they come, last the end."""
    problem, trace = problem_and_trace(workbench.store, asked)
    search = workbench.searches.of(trace.id)
    if search is None:
        if asked.get("follow") is True:  # it ended before the page could ask: what it found is in the store
            yield _marks(workbench.store, problem) | {"trace": trace.id, "is_over": True}
            return
        wish = _wish(asked, GUEST_SECONDS if workbench.guest_limits else None)
        search = workbench.searches.start(workbench.engine, workbench.store, trace, problem, wish)
    for _ in search.follow():
        if not search.is_over:
            yield _news(workbench, search)
    yield _end(workbench.store, search)


def _wish(asked: Asked, most_seconds: int | None = None) -> Wish:
    method = text(asked, "method") or "adaptive"
    if method not in METHODS:
        raise BadInput("The page sent a method that does not exist: reload it and try again.")
    tokens, seconds = _limit(asked, "tokens", MAX_TOKENS), _limit(asked, "seconds", MAX_SECONDS)
    if most_seconds is not None:
        seconds = most_seconds if seconds is None else min(seconds, most_seconds)
    judged_by: JudgedBy = "agreement" if text(asked, "judged_by") == "agreement" else "gold"
    return Wish(method, whole({"k": 4} | dict(asked), "k", 1, MAX_K), Budget(tokens, seconds), judged_by)


def _limit(asked: Asked, name: str, most: int) -> int | None:
    """A limit out of an event; None where the field was left empty."""
    return None if asked.get(name) in (None, "") else whole(asked, name, 0, most)


def stop(workbench: Workbench, asked: Asked) -> None:
    """Stop the search of a trace, or the sampling that the page has named. Nothing of what was found is lost."""
    if asked.get("run"):
        workbench.stops.ask(text(asked, "run"))
    search = workbench.searches.of(text(asked, "trace"))
    if search:
        search.stop()


def _news(workbench: Workbench, search: Search) -> dict[str, Any]:
    progress, budget = search.progress, search.wish.budget
    words = "Exploring …"
    if search.is_waiting:
        words = "Waiting: another search has its turn at the model …"
    elif not workbench.is_ready and progress is None:
        words = "Loading the model …"
    return {
        "trace": search.trace.id,
        "problem": search.problem.id,
        "is_over": False,
        "is_stopping": search.is_stopping,
        "words": words,
        "found": found_so_far(search, progress) if progress else None,
        "num": progress.num_completions if progress else 0,
        "spent": [progress.num_tokens, round(progress.seconds, 1)] if progress else [0, 0],
        "budget": [budget.tokens, budget.seconds],
    }


def found_so_far(search: Search, progress: Progress) -> dict[str, Any]:
    """What a search has found until now, as the page gets a finished pit."""
    pit = _pit_so_far(search, progress)
    return pit_json(search.trace, search.problem, pit, "the model in use")


def _pit_so_far(search: Search, progress: Progress) -> Pit:
    shares = progress.posterior
    best = max(range(len(shares)), key=lambda step: shares[step], default=None)
    return Pit(
        id="",
        trace_id=search.trace.id,
        problem_id=search.problem.id,
        step=None if best is None or best == len(shares) - 1 else best,
        method=search.wish.method,
        k=search.wish.k,
        probes=progress.probes,
        maker=Maker("local"),
        seconds=progress.seconds,
        posterior=shares,
        judged_by=search.wish.judged_by,
    )


def _end(store: Store, search: Search) -> dict[str, Any]:
    about = {"trace": search.trace.id, "is_over": True, "message": ENDED, "tone": "good"}
    pit = search.pit
    if search.failure:
        kept = f" {_tries(pit)} it made until then are kept." if pit and pit.probes else ""
        about |= {"message": search.failure + kept, "tone": "bad"}
    elif pit is None or (not pit.probes and pit.ended.startswith("stopped")):
        about |= {"message": "Stopped before anything was sampled.", "tone": ""}
    elif not pit.probes and can_go_on(pit):
        about |= {"message": f"Nothing was sampled ({pit.ended}). Raise the budget under “How”.", "tone": ""}
    elif not pit.probes and search.trace.verdict.status == "right":
        about |= {
            "message": "Nothing had to be sampled: this solution reaches the right answer itself.",
            "tone": "good",
        }
    elif can_go_on(pit):
        about |= {"message": f"Ended: {pit.ended}. The {_tries(pit)} until then are kept; “Go on” goes on.", "tone": ""}
    return _marks(store, search.problem) | about


def _tries(pit: Pit) -> str:
    num = sum(len(probe.completions) for probe in pit.probes if not probe.is_passing)
    return "1 try" if num == 1 else f"{num} tries"


def _marks(store: Store, problem: Problem) -> dict[str, Any]:
    return walk_view.marks(store, problem)


# ── the tries from one state ─────────────────────────────────────────────────────────────────────────────────────────


def tries(workbench: Workbench, asked: Asked) -> dict[str, Any]:
    """What the model wrote from one state of a trace, by the latest search; those passing through it among them."""
    _, trace = problem_and_trace(workbench.store, asked)
    step = whole(asked, "step", -1, max(0, len(trace.steps) - 1))
    pit = _pit_of(workbench, trace)
    rows = [_row(trace, step, probe, index) for probe, index in passing(trace, pit.probes, step)]
    shown = [row | {"number": number} for number, row in enumerate(rows[:MAX_ROWS], 1)]
    words = [f"Here are the first {MAX_ROWS}." if len(rows) > MAX_ROWS else ""]
    if pit.judged_by == "agreement":
        words.append("Judged by the samples' agreement: no right answer is known.")
    if any(row["is_cut"] for row in rows):
        words.append("A try that was cut off before an answer says nothing of the step, and is not counted.")
    if any(row["probe"] < step for row in rows):
        words.append("A try from an earlier state counts here where it wrote the same steps.")
    about = {"trace": trace.id, "pit": pit.id, "step": step, "rows": shown}
    return about | {"words": " ".join(word for word in words if word)}


def _pit_of(workbench: Workbench, trace: Trace) -> Pit:
    """What the search that runs has found so far; else the latest pit. Raises BadInput where there is neither."""
    search = workbench.searches.of(trace.id)
    if search and search.progress:
        return _pit_so_far(search, search.progress)
    pits = workbench.store.pits(trace_id=trace.id)
    if not pits:
        raise BadInput("Nothing has been explored in this trace yet: let the machine look first.")
    return pits[-1]


def passing(trace: Trace, probes: tuple[Probe, ...], step: int) -> list[tuple[Probe, int]]:
    """The completions that pass through the state after `step`, as (probe, index), each once."""
    begun, found = prefix_text(trace, step), []
    for probe in probes:
        if probe.is_passing or probe.step > step:
            continue
        before = prefix_text(trace, probe.step)
        found += [
            (probe, index) for index, one in enumerate(probe.completions) if (before + one + "\n").startswith(begun)
        ]
    return found


def _row(trace: Trace, step: int, probe: Probe, index: int) -> dict[str, Any]:
    whole_text = prefix_text(trace, probe.step) + probe.completions[index]
    written = whole_text[len(prefix_text(trace, step)) :] if probe.step < step else probe.completions[index]
    writing = format_of(trace)
    answer = writing.answer(whole_text if writing.runs or not written.strip() else written)
    return {
        "probe": probe.step,
        "index": index,
        "good": probe.recovered[index],
        "is_cut": bool(probe.is_cut and probe.is_cut[index] and not probe.recovered[index]),
        "answer": answer,
        "lines": [line for line in written.splitlines() if line.strip()][:200],
    }


def taken(workbench: Workbench, asked: Asked) -> tuple[Trace, str]:
    """A try as a trace of its own, kept; and what to tell. It shares its first states with the trace it came from."""
    problem, trace = problem_and_trace(workbench.store, asked)
    step = whole(asked, "probe", -1, max(0, len(trace.steps) - 1))
    index = whole(asked, "index", 0, 1_000_000)
    pit_id = text(asked, "pit")
    known = [pit for pit in workbench.store.pits(trace_id=trace.id) if pit.id == pit_id] if pit_id else []
    pit = known[0] if known else _pit_of(workbench, trace)
    probe = next((one for one in pit.probes if one.step == step and not one.is_passing), None)
    if probe is None or index >= len(probe.completions):
        raise BadInput("This try is not there any more: open the list of tries again.")
    maker = pit.maker if known else replace(workbench.engine().maker, temperature=0.7, top_p=1.0, seed=0)
    found = try_as_trace(problem, trace, probe, index, maker)
    workbench.store.add_traces([found])
    shared = "the question" if step < 0 else "its first step" if step == 0 else f"its first {step + 1} steps"
    return found, f"This try is a trace of its own now; it shares {shared} with the trace it came from."


def try_as_trace(problem: Problem, trace: Trace, probe: Probe, index: int, maker: Maker) -> Trace:
    """Prefix and completion as one trace. Completion i of a search with seed s is the one of seed s + i."""
    writing = format_of(trace)
    begun = prefix_text(trace, probe.step)
    written = begun + probe.completions[index]
    reading = writing.reading(written)
    answer = reading.answer
    return make_trace(
        problem,
        prompt=probe.prompt.removesuffix(begun),
        text=written,
        steps=_steps(trace, probe, index, reading.steps),
        answer=answer,
        verdict=judge(problem.answer, answer),
        maker=replace(maker, seed=None if maker.seed is None else maker.seed + index),
        format=trace.format,
    )


def _steps(trace: Trace, probe: Probe, index: int, read: tuple[Step, ...]) -> tuple[Step, ...]:
    """The steps as they are read, if they begin as the trace does; else (a step of several lines) put together."""
    own = trace.steps[: probe.step + 1]
    if [one.text for one in read[: len(own)]] == [one.text for one in own]:
        return (*own, *read[len(own) :])
    return (*own, *format_of(trace).reading(probe.completions[index]).steps)
