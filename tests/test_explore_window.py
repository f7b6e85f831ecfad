"""Exploring with limits: budgets, stops, live progress, a window over many rows, earlier samples, failures."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from reasoner.engines import Request
from reasoner.engines.scripted import ScriptedEngine
from reasoner.errors import BadInput, EngineError
from reasoner.explore import (
    METHODS,
    Budget,
    Interrupted,
    Progress,
    explore,
    explore_many,
    is_unfinished,
    pits_of,
    posterior,
)
from reasoner.records import Completion, Maker, Pit, Problem, Sampling, Step, Trace, Verdict, make_problem, make_trace
from reasoner.recovery import num_completions
from reasoner.store import Store

PROBLEM = make_problem("Ana has 500 coins. Ben has twice as many. How many has Ben?", "1000", "typed")
LINES = tuple(f"Line {letter}." for letter in "abcdef")


def trace_of(*texts: str, problem: Problem = PROBLEM, status: str = "wrong") -> Trace:
    return make_trace(
        problem,
        prompt=problem.question + "\n",
        text="\n".join(texts),
        steps=[Step(text) for text in texts],
        answer="7",
        verdict=Verdict(status),  # type: ignore[arg-type]
        maker=Maker("scripted", "script"),
        format="cot",
    )


class Counting(ScriptedEngine):
    """Reaches the answer from a prefix of n steps with completion `seed` where `recovers(n, seed)`; dies in the end."""

    def __init__(self, recovers: Callable[[int, int], bool], dies: int = 10**9, context: int = 100_000) -> None:
        super().__init__(self._write, context=context)
        self.recovers, self.left = recovers, dies
        self.asked: list[tuple[str, int]] = []

    def _write(self, prompt: str, seed: int) -> str:
        self.left -= 1
        if self.left < 0:
            raise EngineError("The server does not answer any more.")
        self.asked.append((prompt, seed))
        return f"The answer is {1000 if self.recovers(prompt.count(chr(10)) - 1, seed) else 7}."


def sharp(step: int) -> Callable[[int, int], bool]:
    """The pit is at `step`: no luck."""
    return lambda length, seed: length <= step


def hazy(length: int, seed: int) -> bool:
    """Recovers now and then, less and less."""
    return (7 * length + 3 * seed) % 10 < 6 - length


def many(num: int) -> list[tuple[Trace, Problem]]:
    rows = []
    for number in range(num):
        problem = make_problem(f"Question {number}?", "1000", "test")
        rows.append((trace_of(*LINES[: 2 + number % 4], f"End {number}.", problem=problem), problem))
    return rows


def bare(pit: Pit) -> Pit:
    return replace(pit, created=0, seconds=0)


# ── budgets, stops, progress ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("budget", [Budget(tokens=0), Budget(seconds=0)])
def test_without_a_budget_nothing_is_sampled_and_the_prior_is_all_there_is(method: str, budget: Budget) -> None:
    engine = Counting(sharp(2))
    pit = explore(engine, trace_of(*LINES), PROBLEM, method=method, budget=budget)
    assert (engine.asked, pit.step, pit.probes, pit.num_tokens) == ([], None, (), 0)
    assert sum(pit.posterior) == pytest.approx(1) and len(pit.posterior) == len(LINES) + 1
    assert "budget" in pit.ended


@pytest.mark.parametrize("method", METHODS)
def test_a_budget_of_tokens_ends_each_trace_after_the_round_that_spends_it(method: str) -> None:
    engine = Counting(lambda length, seed: seed == 3)
    pits = list(explore_many(engine, many(5), 4, method=method, budget=Budget(tokens=10)))
    assert all(10 <= pit.num_tokens <= 10 + 4 * 5 for pit in pits)  # an answer is five tokens
    assert all("budget is spent: 10 tokens" in pit.ended for pit in pits)


def test_a_budget_of_seconds_is_the_whole_calls() -> None:
    class Slow(Counting):
        def complete_each(self, requests: Sequence[Request], sampling: Sampling) -> list[Completion]:
            time.sleep(0.02)
            return super().complete_each(requests, sampling)

        def complete(self, prompts: Sequence[str], sampling: Sampling) -> list[list[Completion]]:
            time.sleep(0.02)
            return super().complete(prompts, sampling)

    pulled = 0

    def rows() -> Iterator[tuple[Trace, Problem]]:
        nonlocal pulled
        for row in many(1000):
            pulled += 1
            yield row

    pits = list(explore_many(Slow(hazy), rows(), 8, budget=Budget(seconds=0.1), together=4))
    assert len(pits) == pulled < 1000
    assert "the budget is spent: 0.1 seconds" in pits[-1].ended


def test_a_negative_budget_is_refused() -> None:
    for wrong in ({"tokens": -1}, {"seconds": -0.5}):
        with pytest.raises(BadInput, match="below 0"):
            Budget(**wrong)


def test_every_round_is_told_and_the_last_word_is_the_pit() -> None:
    told: list[Progress] = []
    pit = explore(Counting(sharp(2)), trace_of(*LINES), PROBLEM, k=8, budget=Budget(tokens=500), watch=told.append)
    assert [one.is_over for one in told] == [False] * (len(told) - 1) + [True]
    assert [one.num_completions for one in told[:-1]] == list(range(1, num_completions(pit) + 1))
    assert [one.num_tokens for one in told[:-1]] == [5 * one.num_completions for one in told[:-1]]
    assert told[-1].posterior == pit.posterior and told[-1].num_tokens == pit.num_tokens
    assert all(sum(one.posterior) == pytest.approx(1) and one.budget == Budget(tokens=500) for one in told)
    assert (told[0].trace_id, told[0].problem_id) == (pit.trace_id, pit.problem_id)
    assert [one.seconds for one in told] == sorted(one.seconds for one in told)


@pytest.mark.parametrize("method", METHODS)
def test_a_stopped_search_keeps_what_it_has_found_and_goes_on_without_sampling_again(method: str) -> None:
    whole = Counting(hazy)
    full = explore(whole, trace_of(*LINES), PROBLEM, k=8, method=method)
    rounds: list[Progress] = []
    first = Counting(hazy)
    stopped = explore(
        first, trace_of(*LINES), PROBLEM, k=8, method=method, watch=rounds.append, should_stop=lambda: len(rounds) >= 1
    )
    assert (
        stopped.ended == "stopped"
        and is_unfinished(stopped)
        and not is_unfinished(full)
        and 0 < num_completions(stopped) < num_completions(full)
    )
    second = Counting(hazy)
    gone_on = explore(second, trace_of(*LINES), PROBLEM, k=8, method=method, earlier=lambda problem: [stopped])
    assert first.asked + second.asked == whole.asked
    assert gone_on.step == full.step and gone_on.posterior == pytest.approx(full.posterior)
    assert [probe.completions for probe in gone_on.probes] == [probe.completions for probe in full.probes]
    assert stopped.num_tokens + gone_on.num_tokens == full.num_tokens
    assert len({stopped.id, gone_on.id}) == 2


def test_stopping_before_anything_yields_the_window_as_it_is() -> None:
    pits = list(explore_many(Counting(sharp(1)), iter(many(10)), should_stop=lambda: True, together=3))
    assert [(pit.step, pit.probes, pit.ended) for pit in pits] == [(None, (), "stopped")] * 3


def test_every_pit_says_why_its_search_ended_and_what_it_believes() -> None:
    trace = trace_of(*LINES)
    said = {method: explore(Counting(sharp(2)), trace, PROBLEM, 8, method=method) for method in METHODS}
    assert "the step named is" in said["adaptive"].ended and "%" in said["adaptive"].ended
    assert said["linear"].ended == "none of 8 completions recovered from the step named"
    assert said["binary"].ended == "halving came down to the step named"
    assert explore(Counting(sharp(9)), trace, PROBLEM, method="linear").ended.startswith("from each of 6 prefixes")
    for pit in said.values():
        assert pit.posterior == pytest.approx(posterior(trace, PROBLEM, pit))
        assert max(range(7), key=pit.posterior.__getitem__) == 2


# ── many rows ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_rows_are_pulled_as_others_end_and_no_more_than_the_window_are_on_their_way() -> None:
    pulled, done = 0, 0

    def rows() -> Iterator[tuple[Trace, Problem]]:
        nonlocal pulled
        for row in many(40):
            pulled += 1
            assert pulled - done <= 8
            yield row

    for _ in explore_many(Counting(sharp(1)), rows(), together=8):
        done += 1
    assert (pulled, done) == (40, 40)


@pytest.mark.parametrize("method", METHODS)
def test_what_is_found_does_not_depend_on_the_window(method: str) -> None:
    rows = many(12)
    alone = {row[0].id: bare(explore(Counting(hazy), *row, method=method)) for row in rows}
    for together in (1, 5, 256):
        pits = list(explore_many(Counting(hazy), iter(rows), method=method, together=together))
        assert {pit.trace_id: bare(pit) for pit in pits} == alone


def test_a_trace_that_comes_into_the_window_later_is_told_what_was_sampled_at_its_states() -> None:
    engine = Counting(sharp(2))
    traces = [trace_of(*LINES[:4], f"End {number}.") for number in range(10)]
    pits = list(explore_many(engine, iter([(one, PROBLEM) for one in traces]), 8, together=1))
    assert len(engine.asked) == len(set(engine.asked)) < 2 * num_completions(pits[0])
    assert {pit.step for pit in pits} == {2}
    assert sum(pit.num_tokens for pit in pits) == 5 * len(engine.asked)
    assert [pit.num_tokens > 0 for pit in pits] == [True] + [False] * 9


def test_rows_that_cannot_be_explored_are_handed_back_with_their_reasons() -> None:
    rows = many(5)
    unknown = replace(rows[2][1], answer=None)
    rows[2] = (rows[2][0], unknown)
    refused: list[tuple[Trace, str]] = []
    engine = Counting(sharp(1))
    pits = list(explore_many(engine, iter(rows), refused=lambda trace, reason: refused.append((trace, reason))))
    assert len(pits) == 4
    assert [(trace.id, "not known" in reason) for trace, reason in refused] == [(rows[2][0].id, True)]
    with pytest.raises(BadInput, match="by agreement"):
        explore_many(engine, rows)
    with pytest.raises(BadInput, match="by agreement"):
        list(explore_many(engine, iter(rows)))


def test_settings_that_make_no_sense_are_refused() -> None:
    for settings in ({"together": 0}, {"max_steps": 0}, {"method": "guess"}, {"judged_by": "feeling"}, {"k": 0}):
        with pytest.raises(BadInput):
            explore_many(Counting(sharp(1)), many(1), **settings)


# ── earlier samples, and the store ───────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "store.sqlite") as opened:
        opened.add_problems([PROBLEM])
        yield opened


def test_samples_in_the_store_are_evidence_that_costs_nothing(store: Store) -> None:
    one, other = trace_of(*LINES[:4], "End."), trace_of(*LINES[:4], "Another end.")
    store.add_traces([one, other])
    store.add_pit(explore(Counting(sharp(2)), one, PROBLEM, 8))
    engine = Counting(sharp(2))
    pit = explore(engine, other, PROBLEM, 8, earlier=pits_of(store))
    assert (pit.step, engine.asked, pit.num_tokens) == (2, [], 0)
    assert num_completions(pit) > 0


def test_only_samples_of_the_same_model_seed_and_temperature_are_taken_up(store: Store) -> None:
    trace = trace_of(*LINES)
    store.add_traces([trace])
    store.add_pit(explore(Counting(sharp(2)), trace, PROBLEM, 8))
    for settings in ({"seed": 1}, {"temperature": 0.3}):
        engine = Counting(sharp(2))
        explore(engine, trace, PROBLEM, 8, earlier=pits_of(store), **settings)
        assert engine.asked
    renamed = Counting(sharp(2))
    renamed.maker = Maker("scripted", "another")
    explore(renamed, trace, PROBLEM, 8, earlier=pits_of(store))
    assert renamed.asked


def test_by_the_papers_rules_another_traces_samples_are_left_alone(store: Store) -> None:
    one, other = trace_of(*LINES[:4], "End."), trace_of(*LINES[:4], "Another end.")
    store.add_traces([one, other])
    store.add_pit(explore(Counting(sharp(2)), one, PROBLEM, method="linear"))
    engine = Counting(sharp(2))
    explore(engine, other, PROBLEM, method="linear", earlier=pits_of(store))
    assert len(engine.asked) == 12


def test_a_rule_takes_up_no_more_than_its_own_k(store: Store) -> None:
    trace = trace_of(*LINES)
    more = explore(Counting(lambda length, seed: seed == 6), trace, PROBLEM, 8, method="linear")
    engine = Counting(lambda length, seed: seed == 6)
    pit = explore(engine, trace, PROBLEM, 4, method="linear", earlier=lambda problem: [more])
    assert (engine.asked, pit.step, [len(probe.completions) for probe in pit.probes]) == ([], 0, [4])


def test_the_latest_find_is_the_last_pit_and_the_same_find_twice_is_one(store: Store) -> None:
    trace = trace_of(*LINES)
    store.add_traces([trace])
    adaptive = explore(Counting(sharp(2)), trace, PROBLEM)
    stopped = explore(Counting(sharp(2)), trace, PROBLEM, budget=Budget(tokens=1))
    linear = explore(Counting(sharp(2)), trace, PROBLEM, method="linear")
    for pit in (stopped, adaptive, adaptive, linear):
        store.add_pit(pit)
    assert [pit.method for pit in store.pits(trace_id=trace.id)] == ["adaptive", "adaptive", "linear"]
    store.add_pit(replace(adaptive, created=adaptive.created + 1))
    pits = store.pits(trace_id=trace.id)
    assert len(pits) == 4 and pits[-1].probes == adaptive.probes
    assert store.pits(trace_id=trace.id)[1] == adaptive  # all that a pit holds comes back


# ── what goes wrong ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_engine_that_dies_hands_over_what_was_found() -> None:
    rows = many(8)
    found: list[Pit] = []
    with pytest.raises(EngineError, match="does not answer") as caught:
        for pit in explore_many(Counting(sharp(1), dies=12), rows, 4, method="linear"):
            found.append(pit)
    assert isinstance(caught.value, Interrupted)
    assert {pit.trace_id for pit in [*found, *caught.value.partial]} == {trace.id for trace, _ in rows}
    assert all("the engine failed: The server does not answer" in pit.ended for pit in caught.value.partial)


def test_a_prompt_that_the_model_refuses_ends_its_own_trace_only() -> None:
    class Fussy(Counting):
        def complete(self, prompts: Sequence[str], sampling: Sampling) -> list[list[Completion]]:
            if any("Question 3" in prompt for prompt in prompts):
                raise BadInput("The prompt fills the context.")
            return super().complete(prompts, sampling)

    pits = list(explore_many(Fussy(sharp(1)), many(5), method="linear"))
    failed = [pit for pit in pits if "cannot continue it: The prompt fills the context." in pit.ended]
    assert len(pits) == 5 and len(failed) == 1 and failed[0].step is None


@pytest.mark.parametrize("text", ["", " \n"])
def test_a_server_that_answers_with_nothing_proves_no_pit(text: str) -> None:
    engine = ScriptedEngine(lambda prompt, seed: text)
    trace = trace_of(*LINES)
    pit = explore(engine, trace, PROBLEM)
    assert pit.step is None and num_completions(pit) > 0 and is_unfinished(pit)
    assert "no completion came to an end" in pit.ended and "no evidence of a wrong step" in pit.ended
    nothing = explore(engine, trace, PROBLEM, budget=Budget(tokens=0))
    assert pit.posterior == pytest.approx(nothing.posterior)
    assert posterior(trace, PROBLEM, pit) == pytest.approx(nothing.posterior)
    linear = explore(engine, trace, PROBLEM, method="linear")
    assert linear.step == 0 and "4 completions were cut or empty" in linear.ended  # the paper's rule, with its reason
    assert linear.posterior == pytest.approx(nothing.posterior)


def test_a_completion_cut_at_the_limit_is_a_try_and_no_evidence() -> None:
    endless = "and so on " * 1000
    engine = ScriptedEngine(
        lambda prompt, seed: endless if seed < 2 else f"The answer is {1000 if prompt.count(chr(10)) <= 3 else 7}."
    )
    pit = explore(engine, trace_of(*LINES), PROBLEM, 8)
    assert pit.step == 2
    assert "were cut or empty" in pit.ended
    assert all(probe.is_cut[:2] == (True,) * min(2, len(probe.is_cut)) for probe in pit.probes if not probe.is_passing)


# ── short, long and too long traces ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("method", METHODS)
def test_a_trace_of_one_step(method: str) -> None:
    pit = explore(Counting(lambda length, seed: False), trace_of("One."), PROBLEM, method=method)
    assert pit.step == 0 and len(pit.posterior) == 2
    right = explore(Counting(lambda length, seed: True), trace_of("One.", status="unjudged"), PROBLEM, method=method)
    assert right.step is None


def test_a_trace_of_five_hundred_steps() -> None:
    trace = trace_of(*(f"Line {number}." for number in range(500)))
    pit = explore(Counting(sharp(321)), trace, PROBLEM)
    assert (pit.step, len(pit.posterior)) == (321, 501)
    assert num_completions(pit) < 60
    linear = explore(Counting(sharp(321)), trace, PROBLEM, method="linear")
    assert linear.step is None and len(linear.probes) == 20 and "only the first 20 of 500 steps" in linear.ended


@pytest.mark.parametrize("method", METHODS)
def test_prefixes_over_the_context_length_are_left_out_and_said_so(method: str) -> None:
    engine = Counting(sharp(1), context=24)  # the question is 12 words, a line two
    pit = explore(engine, trace_of(*LINES), PROBLEM, 8, method=method)
    assert pit.step == 1 and "only the first 4 of 6 steps were looked at" in pit.ended
    assert max(prompt.count("\n") - 1 for prompt, _ in engine.asked) <= 4
    later = explore(Counting(sharp(9), context=24), trace_of(*LINES), PROBLEM, 8, method=method)
    assert later.step is None and sum(later.posterior[4:]) == pytest.approx(1)


# ── no gold answer ───────────────────────────────────────────────────────────────────────────────────────────────────

UNKNOWN = replace(PROBLEM, answer=None)


@pytest.mark.parametrize("method", METHODS)
def test_without_a_gold_answer_the_samples_common_answer_judges(method: str) -> None:
    engine = Counting(lambda length, seed: (length == 0 and seed > 1) or 0 < length <= 2)
    trace = trace_of(*LINES, status="unjudged")
    pit = explore(engine, trace, UNKNOWN, 8, method=method, judged_by="agreement")
    assert (pit.step, pit.judged_by) == (2, "agreement")
    assert "judged by the answer 1000 that 6 of the question's 8 samples give" in pit.ended
    question = pit.probes[0]
    assert (question.step, question.prompt, sum(question.recovered)) == (-1, UNKNOWN.question + "\n", 6)
    assert pit.num_tokens == 5 * len(engine.asked)


def test_the_traces_own_answer_has_no_vote() -> None:
    engine = ScriptedEngine(lambda prompt, seed: "The answer is 7." if seed < 3 else f"The answer is {100 + seed % 2}.")
    pit = explore(engine, trace_of(*LINES, status="unjudged"), UNKNOWN, judged_by="agreement")
    assert pit.step is None and "no answer in common" in pit.ended  # 3 : 3 : 2
    assert sum(pit.posterior) == pytest.approx(1)


def test_where_the_gold_answer_is_known_it_judges() -> None:
    pit = explore(Counting(sharp(2)), trace_of(*LINES), PROBLEM, judged_by="agreement")
    assert pit.judged_by == "gold" and all(probe.step >= 0 for probe in pit.probes)


def test_solutions_of_one_question_vote_once() -> None:
    engine = Counting(sharp(2))
    rows = [(trace_of(*LINES[:4], f"End {number}.", status="unjudged"), UNKNOWN) for number in range(3)]
    pits = list(explore_many(engine, iter(rows), 8, judged_by="agreement", together=2))
    assert len([1 for prompt, _ in engine.asked if prompt == UNKNOWN.question + "\n"]) == 8
    assert {(pit.step, pit.judged_by) for pit in pits} == {(2, "agreement")}


def test_an_agreements_votes_are_taken_up_too(store: Store) -> None:
    trace = trace_of(*LINES, status="unjudged")
    first = explore(Counting(sharp(2)), trace, UNKNOWN, judged_by="agreement")
    engine = Counting(sharp(2))
    again = explore(engine, trace, UNKNOWN, judged_by="agreement", earlier=lambda problem: [first])
    assert (engine.asked, again.step) == ([], first.step)
    assert again.posterior == pytest.approx(first.posterior)


def test_a_pit_goes_through_json() -> None:
    from dataclasses import asdict

    pit = explore(Counting(sharp(2)), trace_of(*LINES), UNKNOWN, judged_by="agreement")
    assert json.loads(json.dumps(asdict(pit)))["judged_by"] == "agreement"
