"""Exploring on the Walk tab: what the page is told, the tries behind a rate, a try as a trace, events of any kind."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reasoner.budget import can_go_on
from reasoner.engines.scripted import ScriptedEngine
from reasoner.errors import BadInput
from reasoner.figure_pits import pit_json
from reasoner.records import Maker, Pit, Probe, Problem, Step, Trace, Verdict, make_problem, make_trace, state_ids
from reasoner.space import GuestLimits
from reasoner.store import Store
from reasoner.tabs import walk, walk_explore
from reasoner.workbench import Workbench

PROBLEM = make_problem("Ana has 3 coins. Ben has 2 more than Ana. How many have they together?", "8", "test")
STEPS = ("Ben has 3 + 2 = 5 coins.", "Together they have 3 + 5 = 9 coins.", "The answer is 9.")
GOOD = "Together they have 3 + 5 = 8 coins.\nThe answer is 8."


class Bench(Workbench):
    is_ready = True

    def engine(self) -> ScriptedEngine:
        def script(prompt: str, seed: int) -> str:
            return GOOD if prompt.endswith("5 coins.\n") and seed % 2 == 0 else "The answer is 9."

        return ScriptedEngine(script)


def made(problem: Problem = PROBLEM, steps: tuple[str, ...] = STEPS) -> Trace:
    return make_trace(
        problem, prompt="Q\n", text="\n".join(steps), steps=[Step(text) for text in steps], answer="9",
        verdict=Verdict("wrong", "9"), maker=Maker("import", "m"), format="cot", created=1.0,
    )  # fmt: skip


@pytest.fixture
def workbench(tmp_path: Path) -> Iterator[Bench]:
    with Store(tmp_path / "store.sqlite") as store:
        store.add_problems([PROBLEM])
        store.add_traces([made()])
        yield Bench(store)


def asked(**rest: Any) -> dict[str, Any]:
    return {"problem": PROBLEM.id, "trace": made().id, "method": "linear", "k": 4} | rest


def explored(workbench: Bench, **rest: Any) -> dict[str, Any]:
    return list(walk_explore.follow(workbench, asked(**rest)))[-1]


def test_the_end_brings_the_pit_with_rates_posterior_and_cost(workbench: Bench) -> None:
    mail = explored(workbench)
    assert mail["is_over"]
    [pit] = mail["said"][made().id]["pits"]
    assert pit["step"] == 1
    assert pit["rates"][0][:3] == [0, 2, 4]
    assert 0 < pit["rates"][0][3] < 0.5 < pit["rates"][0][4] < 1
    assert len(pit["posterior"]) == len(STEPS) + 1
    assert sum(pit["posterior"]) == pytest.approx(1, abs=1e-3)
    assert (pit["judged_by"], pit["can_go_on"]) == ("gold", False)
    assert GOOD.split("\n")[0] not in json.dumps(mail)  # texts stay on the server until they are asked for


def test_a_search_that_is_over_can_still_be_asked_after(workbench: Bench) -> None:
    explored(workbench)
    [mail] = walk_explore.follow(workbench, asked(follow=True))
    assert mail["is_over"]
    assert mail["said"][made().id]["pits"]


@pytest.mark.parametrize(
    "change",
    [
        {"method": "guess"},
        {"k": 0},
        {"k": 65},
        {"k": "4"},
        {"tokens": -1},
        {"seconds": 1e9},
        {"tokens": "many"},
        {"trace": "none"},
        {"problem": ["x"]},
    ],
)
def test_what_cannot_be_is_refused(workbench: Bench, change: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        explored(workbench, **change)


def test_without_a_right_answer_it_is_agreement_or_a_reason_why_not(workbench: Bench) -> None:
    unknown = make_problem("How many coins has Ana, if Ben has none?", None, "typed")
    workbench.store.add_problems([unknown])
    workbench.store.add_traces([made(unknown)])
    about = {"problem": unknown.id, "trace": made(unknown).id}
    assert "right answer is not known" in explored(workbench, **about)["message"]
    assert workbench.store.pits(problem_id=unknown.id) == []
    explored(workbench, **about, judged_by="agreement")
    [pit] = workbench.store.pits(problem_id=unknown.id)
    assert pit.judged_by == "agreement"


def test_visitors_of_a_space_explore_for_a_minute_at_most(workbench: Bench) -> None:
    workbench.guest_limits = GuestLimits()
    *news, _ = walk_explore.follow(workbench, asked(seconds=3_000))
    assert all(mail["budget"] == [None, walk_explore.GUEST_SECONDS] for mail in news)
    assert walk_explore._wish(asked(), walk_explore.GUEST_SECONDS).budget.seconds == walk_explore.GUEST_SECONDS


def test_no_budget_is_said(workbench: Bench) -> None:
    assert "budget is spent" in explored(workbench, tokens=0)["message"]


def test_a_solution_that_is_right_itself_needs_no_tries(workbench: Bench) -> None:
    right = replace(made(), id="right", answer="8", verdict=Verdict("right", "8"))
    workbench.store.add_traces([right])
    mail = explored(workbench, trace="right", method="adaptive")
    assert "reaches the right answer itself" in mail["message"]
    [pit] = mail["said"]["right"]["pits"]
    assert (pit["step"], pit["is_right"], pit["tokens"]) == (None, True, 0)


def test_why_a_search_ended_is_told_as_it_is(workbench: Bench) -> None:
    """It numbers no step, which the screen counts from 1 and programs from 0; what an engine says keeps its numbers."""
    explored(workbench)
    [pit] = workbench.store.pits()
    assert pit_json(made(), PROBLEM, pit, "m")["ended"] == "none of 4 completions recovered from the step named"
    failed = replace(pit, ended="the engine failed: no step 7")
    assert pit_json(made(), PROBLEM, failed, "m")["ended"] == failed.ended


@pytest.mark.parametrize(
    ("ended", "more"),
    [
        ("stopped", True),
        ("the budget is spent: 20 tokens", True),
        ("the engine failed: gone", True),
        ("no answer in common", False),
        ("the step named is sure enough (93%)", False),
        ("", False),
    ],
)
def test_what_can_be_gone_on_with(ended: str, more: bool) -> None:
    pit = Pit("i", "t", "p", None, "linear", 4, (), Maker("local"), ended=ended)
    assert can_go_on(pit) == more


# ── tries ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_tries_from_a_state_say_what_was_written_and_whether_it_recovered(workbench: Bench) -> None:
    explored(workbench)
    found = walk_explore.tries(workbench, asked(step=0))
    assert [(row["number"], row["good"], row["answer"]) for row in found["rows"]] == [
        (1, True, "8"), (2, False, "9"), (3, True, "8"), (4, False, "9"),
    ]  # fmt: skip
    assert found["rows"][0]["lines"] == GOOD.split("\n")


def test_a_try_counts_wherever_it_passes() -> None:
    through = f"{STEPS[1]}\nThe answer is 8."
    probe = Probe(0, (through, GOOD), (True, True), 9, f"Q\n{STEPS[0]}\n")
    cut = Probe(1, ("The answer is 8.",), (True,), 0, "Q\n", is_passing=True)
    assert walk_explore.passing(made(), (probe, cut), 1) == [(probe, 0)]
    assert walk_explore.passing(made(), (probe, cut), 0) == [(probe, 0), (probe, 1)]


def test_nothing_explored_has_no_tries(workbench: Bench) -> None:
    with pytest.raises(BadInput, match="Nothing has been explored"):
        walk_explore.tries(workbench, asked(step=0))


def test_a_try_is_a_trace_that_shares_the_states_it_began_in(workbench: Bench) -> None:
    explored(workbench)
    [pit] = workbench.store.pits()
    event = asked(pit=pit.id, probe=0, index=2)
    [(screen, mail)] = list(walk.take(workbench, "ada", event))
    value = json.loads(screen)
    new = workbench.store.trace(value["focus"]["trace"])
    assert new is not None
    assert [step.text for step in new.steps] == [STEPS[0], *GOOD.split("\n")]
    assert (new.answer, new.verdict.status) == ("8", "right")
    assert new.maker.seed == (pit.maker.seed or 0) + 2
    assert new.prompt == pit.probes[0].prompt.removesuffix(STEPS[0] + "\n")
    assert state_ids(PROBLEM.id, new.steps)[:2] == state_ids(PROBLEM.id, made().steps)[:2]
    assert value["focus"]["step"] == 0
    assert "shares its first step" in mail["message"]
    walk_explore.taken(workbench, event)
    assert len(workbench.store.traces(PROBLEM.id)) == 2  # the same try twice is one trace


@pytest.mark.parametrize("change", [{"index": 99}, {"probe": 2}, {"probe": "0"}, {"index": -1}])
def test_a_try_that_is_not_there_is_refused(workbench: Bench, change: dict[str, Any]) -> None:
    explored(workbench)
    [pit] = workbench.store.pits()
    with pytest.raises(BadInput):
        walk_explore.taken(workbench, asked(pit=pit.id, probe=0, index=0) | change)


def test_steps_of_several_lines_stay_the_states_they_are(workbench: Bench) -> None:
    trace = made(steps=("Ben has\n3 + 2 = 5 coins.", *STEPS[1:]))
    probe = Probe(0, (GOOD,), (True,), 9, f"Q\n{trace.steps[0].text}\n")
    new = walk_explore.try_as_trace(PROBLEM, trace, probe, 0, Maker("local", seed=None))
    assert [step.text for step in new.steps] == [trace.steps[0].text, *GOOD.split("\n")]
    assert new.maker.seed is None


# ── stop ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_sampling_stops_at_the_next_batch_and_keeps_what_has_come(workbench: Bench) -> None:
    event = {"problem": PROBLEM.id, "num": 32, "temperature": 0.7, "formats": ["cot"], "run": "page-1"}
    mails = []
    for _, mail in walk.sample(workbench, "ada", event):
        mails.append(mail)
        if mail.get("message", "").startswith("1 of"):
            list(walk.stop(workbench, "ada", {"run": "page-1"}))
    assert mails[-1]["message"].startswith("Stopped: ")
    assert mails[-1]["is_done"]
    assert 2 <= len(workbench.store.traces(PROBLEM.id)) < 8


def test_stopping_what_does_not_run_does_nothing(workbench: Bench) -> None:
    assert list(walk.stop(workbench, "ada", {"trace": "nobody", "run": ""})) == [({"is_ok": True},)]
