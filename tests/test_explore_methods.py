"""Binary and adaptive search on an engine: what they find, what they cost, and what traces share."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reasoner.__main__ import main
from reasoner.engines.scripted import ScriptedEngine
from reasoner.explore import METHODS, explore, explore_many, posterior
from reasoner.probing import outcomes_of
from reasoner.records import Maker, Pit, Probe, Step, Trace, Verdict, make_problem, make_trace
from reasoner.store import Store

PROBLEM = make_problem("Ana has 500 coins. Ben has twice as many. How many has Ben?", "1000", "typed")
LINES = tuple(f"Line {letter}." for letter in "abcdef")


def trace_of(*texts: str, status: str = "wrong") -> Trace:
    return make_trace(
        PROBLEM,
        prompt=PROBLEM.question + "\n",
        text="\n".join(texts),
        steps=[Step(text) for text in texts],
        answer=None,
        verdict=Verdict(status),  # type: ignore[arg-type]
        maker=Maker("scripted", "script"),
        format="cot",
    )


def engine(recovers: Callable[[int, int], bool]) -> ScriptedEngine:
    """Reaches the answer from a prefix of n steps with completion `seed` where `recovers(n, seed)`."""
    return ScriptedEngine(
        lambda prompt, seed: f"The answer is {1000 if recovers(prompt.count(chr(10)) - 1, seed) else 7}."
    )


def num_completions(pit: Pit) -> int:
    return sum(len(probe.completions) for probe in pit.probes)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("step", range(1, 6))
def test_every_method_finds_a_pit_that_is_sharp(method: str, step: int) -> None:
    pit = explore(engine(lambda length, seed: length <= step), trace_of(*LINES), PROBLEM, k=8, method=method)
    assert (pit.step, pit.method, pit.k) == (step, method, 8)
    assert all(len(probe.completions) <= 8 for probe in pit.probes)
    assert [probe.step for probe in pit.probes] == sorted(probe.step for probe in pit.probes)


def test_adaptive_samples_less_than_linear_over_all_places_of_a_pit() -> None:
    spent = dict.fromkeys(METHODS, 0)
    for step in range(1, 6):
        sharp = engine(lambda length, seed, step=step: length <= step)  # type: ignore[misc]
        for method in METHODS:
            spent[method] += num_completions(explore(sharp, trace_of(*LINES), PROBLEM, k=8, method=method))
    assert spent["adaptive"] < 0.6 * spent["linear"]


def test_a_right_trace_shows_itself_that_it_has_no_pit() -> None:
    pit = explore(engine(lambda length, seed: False), trace_of(*LINES, status="right"), PROBLEM, method="adaptive")
    assert pit.step is None and pit.probes == ()


def test_the_completions_of_a_prefix_are_those_of_the_seeds_one_after_the_other() -> None:
    asked: list[tuple[str, int]] = []

    def script(prompt: str, seed: int) -> str:
        asked.append((prompt, seed))
        return "The answer is 7."

    explore(ScriptedEngine(script), trace_of(*LINES), PROBLEM, k=8, seed=100, method="adaptive")
    for prompt in {prompt for prompt, _ in asked}:
        seeds = [seed for one, seed in asked if one == prompt]
        assert seeds == list(range(100, 100 + len(seeds)))


def test_all_traces_next_completions_go_to_the_engine_in_one_call() -> None:
    calls: list[int] = []

    class Counting(ScriptedEngine):
        def complete(self, prompts, sampling):  # type: ignore[no-untyped-def]
            calls.append(len(prompts))
            return super().complete(prompts, sampling)

        def complete_each(self, requests, sampling):  # type: ignore[no-untyped-def]
            calls.append(len(requests))
            return super().complete_each(requests, sampling)

    traces = [trace_of(*(f"{letter} {i}." for i in range(5))) for letter in "abcdefgh"]
    script = Counting(lambda prompt, seed: f"The answer is {1000 if 'a' in prompt[-9:] else 7}.")
    pits = list(explore_many(script, [(trace, PROBLEM) for trace in traces], method="adaptive"))
    assert len(calls) == max(num_completions(pit) for pit in pits)
    assert calls[0] == 8 and sum(calls) == sum(num_completions(pit) for pit in pits)


def test_traces_that_meet_in_a_state_share_its_completions_and_pay_for_them_once() -> None:
    asked: list[tuple[str, int]] = []

    def script(prompt: str, seed: int) -> str:
        asked.append((prompt, seed))
        return f"The answer is {1000 if prompt.count(chr(10)) <= 4 else 7}."

    traces = [trace_of(*LINES[:4], f"End {letter}.") for letter in "abc"]
    pits = list(explore_many(ScriptedEngine(script), [(one, PROBLEM) for one in traces], k=8, method="adaptive"))
    assert len(asked) == len(set(asked))
    assert sum(probe.num_tokens for pit in pits for probe in pit.probes) == 5 * len(asked)
    assert sum(map(num_completions, pits)) > len(asked)
    assert {pit.step for pit in pits} == {3}


@pytest.mark.parametrize("method", ["linear", "binary"])
def test_by_the_papers_rules_a_trace_is_explored_as_if_alone(method: str) -> None:
    script = engine(lambda length, seed: (length + seed) % 3 == 0)
    traces = [trace_of(*LINES[:4], f"End {letter}.") for letter in "abc"]
    together = {pit.trace_id: pit for pit in explore_many(script, [(one, PROBLEM) for one in traces], method=method)}
    for trace in traces:
        alone = explore(script, trace, PROBLEM, method=method)
        assert (alone.step, alone.probes) == (together[trace.id].step, together[trace.id].probes)


def test_a_completion_that_passes_the_state_before_the_pit_is_kept_there_too() -> None:
    """Sampled from the first prefix, it goes on as the trace does up to line b, and then rightly."""
    script = ScriptedEngine(
        lambda prompt, seed: "Line b.\nThe answer is 1000." if prompt.endswith("Line a.\n") else "The answer is 7."
    )
    pit = explore(script, trace_of(*LINES[:4]), PROBLEM, k=8, method="adaptive")
    assert pit.step == 2
    passing = [probe for probe in pit.probes if probe.step == 1 and any(probe.recovered)]
    assert [(probe.completions, probe.num_tokens) for probe in passing] == [(("The answer is 1000.",), 0)]
    assert passing[0].prompt == PROBLEM.question + "\nLine a.\nLine b.\n"


def test_a_completion_passes_the_prefixes_that_it_writes_word_by_word() -> None:
    trace, prompt = trace_of(*LINES[:4]), ""
    texts = ("Line b.\nLine c.\nThe answer is 7.", "Line b.", "Line c.\nLine b.", "", "Line b.\nLine c.\nLine d.")
    probe = Probe(0, texts, (False, False, False, False, True), 9, prompt)
    assert [one.repeated for one in outcomes_of(trace, [0, 1, 2, 3], probe)] == [2, 1, 0, 0, 3]
    assert [one.repeated for one in outcomes_of(trace, [0, 2, 3], probe)] == [1, 0, 0, 0, 2]


@settings(deadline=None, max_examples=25)
@given(st.lists(st.lists(st.booleans(), min_size=4, max_size=4), min_size=1, max_size=7), st.sampled_from(METHODS))
def test_a_posterior_sums_to_1_and_is_0_up_to_the_last_prefix_that_recovered(
    pattern: list[list[bool]], method: str
) -> None:
    trace = trace_of(*(f"Line {number}." for number in range(len(pattern))))
    pit = explore(engine(lambda length, seed: pattern[length - 1][seed]), trace, PROBLEM, method=method)
    chances = posterior(trace, PROBLEM, pit)
    assert len(chances) == len(trace.steps) + 1 and sum(chances) == pytest.approx(1)
    proved = max((probe.step for probe in pit.probes if any(probe.recovered)), default=-1)
    assert not any(chances[: proved + 1])
    if method == "adaptive" and pit.step is not None:
        assert chances[pit.step] == max(chances)


def test_no_pit_is_put_on_an_output() -> None:
    steps = (Step("Add.", kind="words"), Step("print(2)", kind="code"), Step("Output: 2", kind="output"), Step("So 2."))
    trace = make_trace(
        PROBLEM,
        prompt=PROBLEM.question + "\n",
        text="\n".join(step.text for step in steps),
        steps=steps,
        answer="2",
        verdict=Verdict("wrong"),
        maker=Maker("scripted", "script"),
        format="cot",
    )
    for method in METHODS:
        pit = explore(engine(lambda length, seed: length <= 1), trace, PROBLEM, k=8, method=method)
        assert pit.step == 1
        assert {probe.step for probe in pit.probes} <= {0, 2, 3}
        assert posterior(trace, PROBLEM, pit)[2] == 0


@pytest.mark.parametrize("method", METHODS)
def test_at_most_so_many_steps_are_tried_as_was_said(method: str) -> None:
    trace = trace_of(*(f"Line {number}." for number in range(40)))
    pit = explore(engine(lambda length, seed: True), trace, PROBLEM, max_steps=6, method=method)
    assert pit.step is None and all(probe.step < 6 for probe in pit.probes)


def explore_command(tmp_path: Path) -> tuple[list[str], str, Trace]:
    """A command that explores a trace whose pit is step 2, the store's path, and the trace."""
    script, store_path = tmp_path / "script.jsonl", str(tmp_path / "store.sqlite")
    trace = trace_of(*LINES[:3], "The answer is 7.")
    with Store(store_path) as store:
        store.add_problems([PROBLEM])
        store.add_traces([trace])
    ends = {0: 1000, 1: 1000, 2: 7, 3: 7}
    rows = [
        {"prompt": trace.prompt + "".join(f"{step.text}\n" for step in trace.steps[: at + 1]), "completions": [text]}
        for at, text in ((at, f"The answer is {answer}.") for at, answer in ends.items())
    ]
    script.write_text("".join(json.dumps(row) + "\n" for row in rows))
    command = ["explore", "--trace", trace.id, "--model", f"scripted:{script}", "--store", store_path]
    return command, store_path, trace


def test_the_command_takes_the_method(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command, store_path, trace = explore_command(tmp_path)
    for method in METHODS:
        assert main([*command, "--method", method]) == 0
        assert "first pit: step 2 (" in capsys.readouterr().out
    with Store(store_path) as store:
        assert {pit.method for pit in store.pits(trace_id=trace.id)} == set(METHODS)


def test_the_command_takes_up_what_the_store_has_sampled(tmp_path: Path) -> None:
    command, store_path, trace = explore_command(tmp_path)
    for k in ("4", "2"):
        assert main([*command, "--method", "linear", "-k", k]) == 0
    with Store(store_path) as store:
        spent = {pit.k: (pit.step, pit.num_tokens) for pit in store.pits(trace_id=trace.id)}
    assert spent[4][1] > 0 and spent[2] == (2, 0)


def test_told_to_show_a_way_round_it_goes_on_until_a_completion_from_right_before_the_pit_recovers() -> None:
    """A completion of the third step passes for proof of the second too; a pair needs one of the second itself."""
    shown = without = 0
    for step in range(1, 6):
        sharp = engine(lambda length, seed, step=step: length <= step and seed > 0)  # type: ignore[misc]
        for shows in (False, True):
            rows = [(trace_of(*LINES), PROBLEM)]
            [pit] = explore_many(sharp, rows, k=8, shows=shows)
            before = [probe for probe in pit.probes if pit.step is not None and probe.step == pit.step - 1]
            has_shown = any(any(probe.recovered) for probe in before)
            shown, without = shown + (shows and has_shown), without + (not shows and has_shown)
    assert shown == 5 >= without
