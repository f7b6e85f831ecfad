"""The first pit, by Self-Explore's rule (arXiv 2404.10346 §3.2), on scripts whose pits are known."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasoner.engines.scripted import ScriptedEngine
from reasoner.errors import BadInput
from reasoner.explore import continue_prefix, prefix_prompt, why_not_explorable
from reasoner.explore import explore as explore_by
from reasoner.explore import explore_many as explore_many_by
from reasoner.records import Maker, Problem, Step, Trace, Verdict, make_problem, make_trace

explore = partial(explore_by, method="linear")
explore_many = partial(explore_many_by, method="linear")

QUESTION = "Ana has 500 coins. Ben has twice as many. How many has Ben?"
PROBLEM = make_problem(QUESTION, "1,000", "typed")


def trace_of(*texts: str, problem: Problem = PROBLEM, prompt: str | None = None, model: str = "script") -> Trace:
    return make_trace(
        problem,
        prompt=problem.question + "\n" if prompt is None else prompt,
        text="\n".join(texts),
        steps=[Step(text) for text in texts],
        answer=None,
        verdict=Verdict("wrong"),
        maker=Maker("scripted", model),
        format="cot",
    )


def engine(recovers: Callable[[int, int], bool]) -> ScriptedEngine:
    """Reaches the answer from a prefix of n steps with completion `seed` where `recovers(n, seed)`."""
    return ScriptedEngine(
        lambda prompt, seed: f"The answer is {1000 if recovers(prompt.count(chr(10)) - 1, seed) else 7}."
    )


STEPS = tuple(f"Step {number}." for number in range(6))


def test_the_pit_is_the_first_prefix_from_which_none_recovers() -> None:
    pit = explore(engine(lambda length, seed: length <= 2 and seed == length), trace_of(*STEPS), PROBLEM)
    assert pit.step == 2
    assert [probe.step for probe in pit.probes] == [0, 1, 2]
    assert [sum(probe.recovered) for probe in pit.probes] == [1, 1, 0]
    assert (pit.k, pit.method, pit.trace_id, pit.problem_id) == (4, "linear", trace_of(*STEPS).id, PROBLEM.id)


def test_the_search_stops_at_the_pit_and_costs_k_completions_a_prefix() -> None:
    pit = explore(engine(lambda length, seed: length < 4), trace_of(*STEPS), PROBLEM, k=3)
    assert sum(len(probe.completions) for probe in pit.probes) == 3 * 4
    assert pit.maker == Maker("scripted", "script", seed=0, temperature=0.7, top_p=1.0)
    assert all(probe.num_tokens == sum(len(text.split()) + 1 for text in probe.completions) for probe in pit.probes)


def test_no_pit_when_every_prefix_recovers() -> None:
    pit = explore(engine(lambda length, seed: True), trace_of(*STEPS), PROBLEM)
    assert pit.step is None
    assert len(pit.probes) == len(STEPS)


@given(st.lists(st.lists(st.booleans(), min_size=4, max_size=4), min_size=1, max_size=8))
def test_any_pattern_of_recoveries_is_read_by_the_rule(pattern: list[list[bool]]) -> None:
    steps = [f"Step {number}." for number in range(len(pattern))]
    pit = explore(engine(lambda length, seed: pattern[length - 1][seed]), trace_of(*steps), PROBLEM)
    first = next((number for number, row in enumerate(pattern) if not any(row)), None)
    assert pit.step == first
    tried = len(pattern) if first is None else first + 1
    assert [list(probe.recovered) for probe in pit.probes] == pattern[:tried]


def test_at_most_twenty_steps_are_tried() -> None:
    pit = explore(engine(lambda length, seed: length <= 20), trace_of(*(f"Step {i}." for i in range(30))), PROBLEM)
    assert pit.step is None
    assert len(pit.probes) == 20


def test_a_prefix_is_the_question_and_whole_lines() -> None:
    trace = trace_of("One.", "Two.", "Three.")
    assert prefix_prompt(trace, -1) == QUESTION + "\n"
    assert prefix_prompt(trace, 1) == QUESTION + "\nOne.\nTwo.\n"
    pit = explore(engine(lambda length, seed: True), trace, PROBLEM)
    assert [probe.prompt for probe in pit.probes] == [prefix_prompt(trace, step) for step in range(3)]


def test_answers_are_compared_by_the_one_equality() -> None:
    """The original compared raw text here: "1,000" ≠ "1000" put the pit on the first step."""
    for written in ("1000", "1,000", "$1000.00"):
        script = ScriptedEngine(lambda prompt, seed, written=written: f"The answer is {written}.")
        assert explore(script, trace_of("One."), PROBLEM).step is None


@pytest.mark.parametrize("unreadable", ["", "I do not know.", "[invalid]", "The answer is unknown."])
def test_a_completion_that_cannot_be_read_does_not_count_as_recovered_and_is_kept(unreadable: str) -> None:
    probe = explore(ScriptedEngine(lambda prompt, seed: unreadable), trace_of("One."), PROBLEM).probes[0]
    assert probe.recovered == (False,) * 4
    assert probe.completions == (unreadable,) * 4


def test_the_line_of_the_final_answer_is_a_prefix_too() -> None:
    """After a wrong answer line the model ends: what counts is the answer that stands there."""
    script = ScriptedEngine(
        {QUESTION + "\n": ["Twice as many.\nThe answer is 1000.", "Twice as many.\nThe answer is 900."]}
    )
    assert explore(script, trace_of("Twice as many.", "The answer is 900."), PROBLEM).step == 1
    assert explore(script, trace_of("Twice as many.", "The answer is 1000."), PROBLEM).step is None


def test_what_a_base_model_asks_next_is_not_kept() -> None:
    script = ScriptedEngine(lambda prompt, seed: "The answer is 1000.\nQuestion: Cal has 9. How many?")
    assert explore(script, trace_of("One."), PROBLEM).probes[0].completions[0] == "The answer is 1000."


def test_many_traces_are_explored_as_if_alone_and_come_as_they_are_found() -> None:
    traces = [
        trace_of("Good.", f"Try {i}.", *("Bad." if j == i else "Good." for j in range(4)), "End.") for i in range(4)
    ]
    script = ScriptedEngine(lambda prompt, seed: f"The answer is {0 if 'Bad.' in prompt else 1000}.")
    together = list(explore_many(script, [(trace, PROBLEM) for trace in reversed(traces)]))
    assert [pit.trace_id for pit in together] == [trace.id for trace in traces]
    alone = [explore(script, trace, PROBLEM) for trace in traces]
    assert [replace(pit, created=0, seconds=0) for pit in together] == [
        replace(pit, created=0, seconds=0) for pit in alone
    ]
    assert all(pit.seconds > 0 for pit in together)


def test_probes_of_one_depth_are_sampled_in_one_call() -> None:
    calls = []

    class Counting(ScriptedEngine):
        def complete(self, prompts, sampling):  # type: ignore[no-untyped-def]
            calls.append(len(prompts))
            return super().complete(prompts, sampling)

    rows = [(trace_of(*(f"{i}.{j}" for j in range(i + 1))), PROBLEM) for i in range(3)]
    list(explore_many(Counting(lambda prompt, seed: "The answer is 1000."), rows))
    assert calls == [3, 2, 1]


def test_more_completions_from_a_prefix_go_on_where_the_first_ended() -> None:
    """How k rises at a person's flag: 4, then 4 more."""
    script = engine(lambda length, seed: seed == 6)
    first = continue_prefix(script, trace_of(*STEPS), PROBLEM, step=1, num=4)
    more = continue_prefix(script, trace_of(*STEPS), PROBLEM, step=1, num=4, seed=4)
    assert (first.recovered, more.recovered) == ((False,) * 4, (False, False, True, False))
    assert first.step == 1 and first.prompt == prefix_prompt(trace_of(*STEPS), 1)
    assert continue_prefix(script, trace_of(*STEPS), PROBLEM, step=-1, num=1).prompt == QUESTION + "\n"


def test_a_trace_of_another_model_is_continued_with_the_question_as_this_model_is_asked() -> None:
    imported = trace_of("One.", prompt="")
    foreign = trace_of("One.", prompt="<|user|>…<|assistant|>\n", model="another")
    for trace in (imported, foreign):
        assert explore(engine(lambda length, seed: True), trace, PROBLEM).probes[0].prompt == QUESTION + "\nOne.\n"


def test_a_trace_that_cannot_be_explored_is_refused_with_its_reason() -> None:
    script = engine(lambda length, seed: True)
    unknown = make_problem(QUESTION, None, "typed")
    cases = [
        (script, trace_of("One.", problem=unknown), unknown, "not known"),
        (script, trace_of(), PROBLEM, "no steps"),
        (script, trace_of("One."), make_problem("Another?", "1", "typed"), "another problem"),
        (ScriptedEngine({}, context=10), trace_of("One."), PROBLEM, "longer than the 10 tokens"),
    ]
    for one, trace, problem, reason in cases:
        assert reason in why_not_explorable(one, trace, problem)
        with pytest.raises(BadInput, match=reason):
            explore(one, trace, problem)
        with pytest.raises(BadInput, match=reason):
            explore_many(one, [(trace, problem)])
        with pytest.raises(BadInput, match=reason):
            continue_prefix(one, trace, problem, 0, 4)
    assert why_not_explorable(script, trace_of("One."), PROBLEM) == ""


def test_settings_that_make_no_sense_are_refused() -> None:
    script = engine(lambda length, seed: True)
    for settings in ({"k": 0}, {"max_steps": 0}, {"method": "guess"}):
        with pytest.raises(BadInput):
            explore(script, trace_of("One."), PROBLEM, **settings)  # type: ignore[arg-type]
    with pytest.raises(BadInput, match="no step 1"):
        continue_prefix(script, trace_of("One."), PROBLEM, 1, 4)
