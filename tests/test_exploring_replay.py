"""The table of completions that policies are compared on, and what comes out on rows drawn from known rates."""

import json
from pathlib import Path

from reasoner.engines.scripted import ScriptedEngine
from reasoner.exploring import AdaptiveSearch, Effort, LinearSearch, Outcome
from reasoner.exploring.rates import KINDS
from reasoner.records import Step
from tests.bench.bench_explore import report
from tests.bench.exactness import calibration, runs_of
from tests.bench.explore_text import print_report
from tests.bench.parametric import drawn_rows
from tests.bench.record_recoverability import record, rows_of
from tests.bench.replay import Draws, Row, lower_bound, read_table, replay

RIGHT, WRONG = Outcome(True, 5), Outcome(False, 7)


def row(*counts: int) -> Row:
    """A trace whose prefix i recovers in `counts[i]` of eight completions; the oracle says step 1."""
    outcomes = tuple((RIGHT,) * count + (WRONG,) * (8 - count) for count in counts)
    steps = tuple(Step(f"Step {number}.") for number in range(len(counts)))
    return Row("a", "How many?", steps, tuple(range(len(counts))), (4.0,) * len(counts), 1, outcomes)


def test_the_recoverable_pit_is_the_first_prefix_from_which_none_recovers() -> None:
    assert row(8, 1, 0, 3).recoverable == 2
    assert row(8, 1).recoverable is None


def test_completions_are_drawn_without_putting_back_then_mixed_again() -> None:
    draws = Draws(row(3, 0), seed=0)
    assert sorted(outcome.recovered for outcome in draws.take(0, 8)) == [False] * 5 + [True] * 3
    assert sorted(outcome.recovered for outcome in draws.take(0, 8)) == [False] * 5 + [True] * 3
    assert Draws(row(3, 0), 1).take(0, 8) == Draws(row(3, 0), 1).take(0, 8)
    assert any(Draws(row(3, 0), 1).take(0, 8) != Draws(row(3, 0), seed).take(0, 8) for seed in range(2, 9))


def test_a_replay_counts_completions_tokens_and_rounds() -> None:
    run = replay(row(8, 8, 0, 0), lambda row: LinearSearch(row.task, 4), seed=0)
    assert (run.pit, run.completions, run.tokens, run.rounds, run.is_shown) == (2, 12, 8 * 5 + 4 * 7, 3, True)


def test_the_bound_is_k_failures_and_one_success() -> None:
    assert lower_bound([row(8, 8, 0, 0)], 4) == (5, 4 * 7 + 5)
    assert lower_bound([row(0, 0)], 4) == (4, 4 * 7)
    assert lower_bound([row(8, 8)], 4) == (1, 5)


def test_on_rows_drawn_from_its_own_rates_the_posterior_is_calibrated() -> None:
    rows = drawn_rows(150, KINDS, seed=1, completions=24)
    runs = runs_of(lambda row: AdaptiveSearch(row.task, 8, KINDS, Effort(0.97, 0.0002)), rows, seeds=[0])
    bins = [one for one in calibration(rows, runs)["steps"] if one["num"] >= 40]
    assert len(bins) >= 3 and bins[-1]["said"] > 0.9
    assert all(abs(one["said"] - one["oracle"]) < 0.1 for one in bins)


def test_a_report_has_every_method_its_targets_and_its_calibration(capsys) -> None:  # type: ignore[no-untyped-def]
    data = report(drawn_rows(12, KINDS, completions=8))
    assert {"linear-4", "linear-8", "binary-4", "adaptive-4", "adaptive-8"} <= {row["method"] for row in data["rows"]}
    for one in data["rows"]:
        assert {"exact_oracle", "exact_recoverable", "completions", "tokens", "seconds"} <= set(one)
    value, low, high = data["targets"]["adaptive-4"]["token_ratio"]
    assert low <= value <= high
    json.dumps(data)
    print_report(data)
    assert "adaptive-8 against linear-8" in capsys.readouterr().out


WRONG_ANSWER = ScriptedEngine(
    lambda prompt, seed: f"Formalize: find it\nSolve Parent: {seed}\nSummarize: the answer is {90_000 + seed}"
)


def test_a_recording_that_was_cut_short_goes_on_where_it_was(tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole.jsonl", tmp_path / "cut.jsonl"
    record(WRONG_ANSWER, whole, 3, 2, ["easy"], "transitions")
    lines = whole.read_text().splitlines(keepends=True)
    cut.write_text(lines[0] + lines[1][:100])
    assert len(rows_of(cut)) == 1
    record(WRONG_ANSWER, cut, 3, 2, ["easy"], "transitions")
    assert cut.read_text() == whole.read_text()


def test_a_recorded_line_is_read_as_the_trace_it_was(tmp_path: Path) -> None:
    record(WRONG_ANSWER, tmp_path / "table.jsonl", 2, 3, ["easy"], "transitions")
    [first, second] = read_table(tmp_path / "table.jsonl")
    assert first.id != second.id and len(first.steps) == len(first.outcomes) == len(first.lengths) == 3
    assert [len(one) for one in first.outcomes] == [3, 3, 3] and first.recoverable == 0
    assert first.steps[0].action == "Formalize" and first.task.num_steps == 3
