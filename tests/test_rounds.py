"""Interleaved generation: stop at the code's end, run it, put the output in, go on."""

from collections.abc import Callable, Sequence

import pytest

from reasoner.checks.answers import judge
from reasoner.engines import Request
from reasoner.engines.scripted import ScriptedEngine
from reasoner.explore import continue_prefix, explore
from reasoner.formats import FORMATS
from reasoner.formats.prefixes import prefix_text, step_text, stops
from reasoner.formats.text_code import interpreter_spans
from reasoner.records import Completion, Maker, Pair, Problem, Sampling, Trace, make_problem, make_trace
from reasoner.rounds import MAX_ROUNDS, complete
from reasoner.solve import solve, solve_many
from training.evaluate import Pits, evaluate

TEXT_CODE = FORMATS["text_code"]
QUESTION = "Ana has 41 coins. Ben has 26 more coins than Ana. Cal has 3 times as many. How many has Cal?"
PROBLEM = make_problem(QUESTION, "201", "test")
PROMPT = QUESTION + "\n"

FIRST = "Ben's coins = Ana's coins + 26\n<code>\nBen_coins = 41 + 26\nBen_coins\n</code>"
SECOND = "Cal's coins = Ben's coins × 3\n<code>\nCal_coins = Ben_coins * 3\nCal_coins\n</code>"
WHOLE = f"{FIRST}\nOutput: 67\n{SECOND}\nOutput: 201\nFinal Answer: 201"


class Counting(ScriptedEngine):
    """A script that notes what it is asked."""

    def __init__(self, script: object) -> None:
        super().__init__(script)  # type: ignore[arg-type]
        self.calls: list[list[Request]] = []

    def complete_each(self, requests: Sequence[Request], sampling: Sampling) -> list[Completion]:
        self.calls.append(list(requests))
        return super().complete_each(requests, sampling)


def written(pieces: Sequence[str]) -> Counting:
    """A model that writes these pieces one after the other, whatever the outputs between them say."""
    engine = Counting(lambda prompt, seed: pieces[len(engine.calls) - 1])
    return engine


def one(engine: ScriptedEngine, **sampling: object) -> Completion:
    settings = Sampling(**{"max_new_tokens": 400, "stop": TEXT_CODE.stop, **sampling})  # type: ignore[arg-type]
    [[completion]] = complete(engine, TEXT_CODE, [PROMPT], settings)
    return completion


def test_the_model_writes_the_code_and_the_interpreter_its_output() -> None:
    engine = Counting({PROMPT: [WHOLE]})
    completion = one(engine)
    assert (completion.text, completion.is_finished) == (WHOLE, True)
    assert [call[0].prompt[len(PROMPT) :] for call in engine.calls] == [
        "",
        f"{FIRST}\nOutput: 67\n",
        f"{FIRST}\nOutput: 67\n{SECOND}\nOutput: 201\n",
    ]


def test_only_what_the_model_wrote_is_counted_as_generated() -> None:
    engine = Counting({PROMPT: [WHOLE]})
    num_words = len(WHOLE.split()) - 4  # Output: 67 Output: 201
    assert one(engine).num_tokens == num_words + 3  # three ends, one a round


def test_an_output_is_what_the_code_gives_whatever_the_model_hoped_for() -> None:
    engine = written([FIRST.replace("26\nBen", "27\nBen"), "Final Answer: 67"])
    assert "Output: 68\nFinal Answer: 67" in one(engine).text


def test_an_error_is_an_output_too_and_the_state_before_it_is_kept() -> None:
    pieces = ["<code>\nben = 67\n</code>", "<code>\nbem * 3\n</code>", "<code>\nben * 3\n</code>", "Final Answer: 201"]
    text = one(written(pieces)).text
    assert "Output:\n" in text  # the first block has nothing to say
    assert "Output: NameError: name 'bem' is not defined\n" in text
    assert "Output: 201\nFinal Answer: 201" in text


def test_fences_are_answered_with_fences() -> None:
    pieces = ["Ben:\n```python\nprint(41 + 26)\nprint(1)\n```\n", "So it is $\\boxed{67}$."]
    completion = one(written(pieces))
    assert completion.text == pieces[0] + "```output\n67\n1\n```\n" + pieces[1]
    assert TEXT_CODE.answer(completion.text) == "67"


def test_an_output_that_the_model_begins_itself_is_taken_from_it() -> None:
    completion = one(written(["```python\n41 + 26\n```output\n68\n```\n", "Final Answer: 67"]))
    assert "```output\n67\n```\nFinal Answer" in completion.text
    assert "68" not in completion.text


def test_a_stop_string_that_a_server_cut_off_is_put_back() -> None:
    class Cutting(Counting):
        def complete_each(self, requests: Sequence[Request], sampling: Sampling) -> list[Completion]:
            whole = super().complete_each(requests, sampling)
            cut = [text.text.removesuffix("</code>").removesuffix("\n```\n") for text in whole]
            return [Completion(text, 5, is_finished=True) for text in cut]

    assert one(Cutting({PROMPT: [WHOLE]})).text == WHOLE


def test_a_fence_that_only_opens_ends_nothing() -> None:
    completion = one(written(["Let us see.\n```\n", "41 + 26\n```\n", "Final Answer: 67"]))
    assert completion.text == "Let us see.\n```\n41 + 26\n```\n```output\n67\n```\nFinal Answer: 67"


def test_after_eight_rounds_it_ends() -> None:
    engine = Counting(lambda prompt, seed: "again\n<code>\n1 + 1\n</code>")
    completion = one(engine)
    assert not completion.is_finished
    assert completion.text.count("Output: 2") == MAX_ROUNDS == 8
    assert len(engine.calls) == MAX_ROUNDS + 1


def test_the_whole_solution_keeps_to_its_tokens() -> None:
    engine = Counting({PROMPT: [WHOLE]})
    for limit in range(1, 40):
        completion = one(engine, max_new_tokens=limit)
        assert completion.num_tokens <= limit
        assert WHOLE.startswith(completion.text.rstrip())
        assert completion.is_finished == (completion.text == WHOLE)


def test_a_full_context_ends_a_solution_and_not_the_others() -> None:
    long = "Ben\n<code>\nprint('coins ' * 60)\n</code>"
    engine = ScriptedEngine({"a\n": [long], "b\n": ["Final Answer: 5"]}, context=50)
    [[first], [second]] = complete(engine, TEXT_CODE, ["a\n", "b\n"], Sampling(max_new_tokens=400))
    assert not first.is_finished and "Output: coins" in first.text
    assert second == Completion("Final Answer: 5", 4, True)


def test_all_that_go_on_are_continued_in_one_call_a_round() -> None:
    short = "Final Answer: 5"
    engine = Counting({PROMPT: [WHOLE, short], "b\n": [short, WHOLE]})
    drawn = complete(engine, TEXT_CODE, [PROMPT, "b\n"], Sampling(num=2, max_new_tokens=400))
    assert [[one.text for one in row] for row in drawn] == [[WHOLE, short], [short, WHOLE]]
    assert [len(call) for call in engine.calls] == [4, 2, 2]


def test_completion_i_of_a_seed_is_the_first_of_the_seed_plus_i() -> None:
    def varied(prompt: str, seed: int) -> str:
        return f"<code>\n{seed}\n</code>" if "Output" not in prompt else f"Final Answer: {seed} of {prompt[-3:-1]}"

    many = complete(ScriptedEngine(varied), TEXT_CODE, [PROMPT], Sampling(num=5, seed=30, max_new_tokens=50))[0]
    for index, completion in enumerate(many):
        assert one(ScriptedEngine(varied), seed=30 + index, max_new_tokens=50) == completion
        assert completion.text.endswith(f"Final Answer: {30 + index} of {30 + index}")


def test_greedy_solutions_are_drawn_once() -> None:
    engine = Counting({PROMPT: [WHOLE]})
    drawn = complete(engine, TEXT_CODE, [PROMPT, PROMPT], Sampling(num=3, temperature=0, max_new_tokens=400))
    assert [one.text for row in drawn for one in row] == [WHOLE] * 6
    assert [len(call) for call in engine.calls] == [1, 1, 1]


def test_a_prefix_brings_the_state_that_its_code_left() -> None:
    begun = f"{FIRST}\nOutput: 67\nCal's coins = Ben's coins × 3\n"
    engine = Counting({PROMPT: [WHOLE]})
    [[completion]] = complete(engine, TEXT_CODE, [PROMPT + begun], Sampling(max_new_tokens=400), [begun])
    assert begun + completion.text == WHOLE


def test_a_prefix_that_ends_in_code_gets_its_output_first() -> None:
    engine = Counting({PROMPT: [WHOLE]})
    begun = FIRST + "\n"
    [[completion]] = complete(engine, TEXT_CODE, [PROMPT + begun], Sampling(max_new_tokens=400), [begun])
    assert completion.text.startswith("Output: 67\nCal's coins")
    assert begun + completion.text == WHOLE


def test_code_in_the_question_is_not_run() -> None:
    asked = "What does <code>\n1 / 0\n</code> give?\n"
    engine = Counting({asked: ["Final Answer: an error"]})
    [[completion]] = complete(engine, TEXT_CODE, [asked], Sampling(max_new_tokens=400))
    assert completion.text == "Final Answer: an error"


@pytest.mark.parametrize("name", [name for name in FORMATS if not FORMATS[name].code_ends])
def test_other_formats_are_simply_completed(name: str) -> None:
    engine = Counting({PROMPT: ["answer = 201"]})
    assert complete(engine, FORMATS[name], [PROMPT], Sampling())[0][0].text == "answer = 201"
    assert engine.calls == []


# ── in solve and explore ─────────────────────────────────────────────────────────────────────────────────────────────


def test_solving_gives_traces_whose_outputs_are_the_interpreters() -> None:
    engine = ScriptedEngine({PROMPT: [WHOLE, WHOLE.replace("+ 26\nBen", "+ 27\nBen")]})
    ways: list[Callable[[], list[Trace]]] = [
        lambda: list(solve(engine, PROBLEM, "text_code", TEXT_CODE.sampling(num=1))),
        lambda: list(solve_many(engine, [PROBLEM], "text_code", TEXT_CODE.sampling(num=1))),
    ]
    for way in ways:
        [trace] = way()
        assert (trace.text, trace.answer, trace.verdict.status) == (WHOLE, "201", "right")
        assert [step.outcome for step in trace.steps if step.kind == "code"] == ["67", "201"]


def trace_of(text: str, problem: Problem = PROBLEM, format: str = "text_code") -> Trace:
    reading = FORMATS[format].reading(text)
    verdict = judge(problem.answer, reading.answer)
    about = dict(prompt=PROMPT, text=text, steps=reading.steps, answer=reading.answer, verdict=verdict)
    return make_trace(problem, maker=Maker("scripted", "script"), format=format, created=0.0, **about)  # type: ignore[arg-type]


WRONG = WHOLE.replace("Cal_coins = Ben_coins * 3", "Cal_coins = Ben_coins * 2").replace("201", "134")


def test_a_pit_is_the_code_and_never_its_output() -> None:
    engine = ScriptedEngine({PROMPT: [WHOLE, WRONG]})
    pit = explore(engine, trace_of(WRONG), PROBLEM, k=2, method="linear")
    assert [probe.step for probe in pit.probes] == [0, 2, 3, 5]  # never 1 or 4, which an output follows
    assert [sum(probe.recovered) for probe in pit.probes] == [1, 1, 1, 0]
    assert pit.step == 4 and trace_of(WRONG).steps[4].kind == "code"


def test_going_on_from_any_step_reaches_the_answer_with_the_prefixes_state() -> None:
    engine = ScriptedEngine({PROMPT: [WHOLE]})
    for step in range(-1, 7):
        probe = continue_prefix(engine, trace_of(WHOLE), PROBLEM, step, num=2)
        assert probe.recovered == (True, True), step


def test_a_program_is_continued_where_its_step_ends_fences_and_def_included() -> None:
    text = "```python\ndef solution():\n    ben = 41 + 26\n\n    return ben * 3\n```\nThat is it."
    trace = trace_of(text, format="program")
    assert [step.text for step in trace.steps] == ["    ben = 41 + 26", "    return ben * 3", "That is it."]
    assert prefix_text(trace, 0) == "```python\ndef solution():\n    ben = 41 + 26\n"
    assert step_text(trace, 0) == prefix_text(trace, 0)
    assert step_text(trace, 1) == "\n    return ben * 3\n"
    probe = continue_prefix(ScriptedEngine({PROMPT: [text]}), trace, PROBLEM, 0, num=1)
    assert probe.completions == ("\n    return ben * 3\n```\nThat is it.",)
    assert probe.recovered == (True,)


def test_prefixes_may_end_everywhere_but_before_an_output() -> None:
    assert stops(trace_of(WHOLE)) == [0, 2, 3, 5, 6]
    assert stops(trace_of("One.\nTwo.\nThe answer is 5.", format="cot")) == [0, 1, 2]


# ── for training ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_interpreters_words_can_be_told_apart() -> None:
    spans = interpreter_spans(WHOLE)
    assert [WHOLE[start:end] for start, end in spans] == ["Output: 67\n", "Output: 201\n"]


def test_in_the_rest_of_a_solution_too() -> None:
    before, rest = FIRST + "\n", WHOLE[len(FIRST) + 1 :]
    assert [rest[start:end] for start, end in interpreter_spans(rest, before)] == ["Output: 67\n", "Output: 201\n"]
    fenced = "```python\n1\n```\n```output\n1\n```\nIt is 1."
    assert [fenced[start:end] for start, end in interpreter_spans(fenced)] == ["```output\n1\n```\n"]


def test_evaluation_runs_the_code_and_meets_a_pit_with_the_state_of_its_prefix() -> None:
    begun = f"{FIRST}\nOutput: 67\n"
    pit = Pair(
        id="pit",
        problem_id=PROBLEM.id,
        trace_id="trace",
        step=3,
        prompt=PROMPT + begun,
        chosen=WHOLE[len(begun) :],
        rejected="Cal's coins = Ben's coins × 2\n",
        origin="machine",
        by="linear",
        chosen_from="remainder",
    )
    before, after = ScriptedEngine({PROMPT: [WRONG]}), ScriptedEngine({PROMPT: [WHOLE]})
    report, _ = evaluate(before, after, [PROBLEM], format="text_code", pits=Pits([pit], {PROBLEM.id: PROBLEM}))
    assert report.fixed == (PROBLEM.id,)
    [check] = report.pits
    assert (check.was_recovered, check.is_recovered) == (False, True)
