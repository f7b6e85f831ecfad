"""Problems into traces, on the scripted engine."""

from collections.abc import Sequence

import pytest

from reasoner.engines.scripted import ScriptedEngine
from reasoner.errors import BadInput
from reasoner.formats import FORMATS
from reasoner.records import Completion, Problem, Sampling, make_problem
from reasoner.solve import solve, solve_many

QUESTION = "Ana has 3 coins. Ben has 2 more. How many has Ben?"
PROBLEM = make_problem(QUESTION, "5", "typed")
RIGHT = "Formalize: find Ben's coins\nSolve Parent: Ben's coins = 3 + 2 = 5\nSummarize: the answer is 5"
WRONG = "Formalize: find Ben's coins\nSolve Parent: Ben's coins = 3 + 2 = 6\nSummarize: the answer is 6"
MUTE = "Formalize: find Ben's coins"


class CountingEngine(ScriptedEngine):
    """Remembers the size of every batch."""

    def complete(self, prompts: Sequence[str], sampling: Sampling) -> list[list[Completion]]:
        self.batches = [*getattr(self, "batches", []), sampling.num]
        return super().complete(prompts, sampling)


def engine(*completions: str) -> CountingEngine:
    return CountingEngine({QUESTION + "\n": completions or (RIGHT, WRONG, MUTE)})


def test_a_trace_keeps_prompt_text_steps_and_verdict() -> None:
    first, second, third = solve(engine(), PROBLEM, sampling=Sampling(num=3))
    assert (first.prompt, first.text, first.format) == (QUESTION + "\n", RIGHT, "transitions")
    assert [step.text for step in first.steps] == RIGHT.split("\n")
    assert (first.answer, first.verdict.status) == ("5", "right")
    assert (second.answer, second.verdict.status) == ("6", "wrong")
    assert (third.answer, third.verdict.status) == (None, "unjudged")


def test_every_trace_can_be_drawn_again_by_its_own_seed() -> None:
    traces = list(solve(engine(), PROBLEM, sampling=Sampling(num=9, seed=4, temperature=0.9, top_p=0.5)))
    assert [trace.maker.seed for trace in traces] == list(range(4, 13))
    assert len({trace.id for trace in traces}) == 9
    for trace in traces:
        assert (trace.maker.engine, trace.maker.temperature, trace.maker.top_p) == ("scripted", 0.9, 0.5)
        [again] = solve(engine(), PROBLEM, sampling=Sampling(seed=trace.maker.seed or 0, temperature=0.9, top_p=0.5))
        assert (again.text, again.id) == (trace.text, trace.id)


def test_the_first_traces_come_before_the_last_are_sampled() -> None:
    counting = engine()
    traces = solve(counting, PROBLEM, sampling=Sampling(num=20))
    next(traces)
    assert counting.batches == [2]
    assert len(list(traces)) == 19
    assert counting.batches == [2, 4, 8, 6]


def test_the_format_gives_what_the_sampling_leaves_open() -> None:
    [trace] = solve(engine(RIGHT + "\nQuestion: and Cal?"), PROBLEM, "cot")
    assert trace.text == RIGHT + "\nQuestion:"
    assert len(trace.steps) == 3
    assert trace.maker.temperature == 0.7
    assert FORMATS["cot"].sampling().num == 1


def test_a_problem_without_a_known_answer_is_solved_but_not_judged() -> None:
    [trace] = solve(engine(), make_problem(QUESTION, None, "typed"))
    assert trace.verdict.status == "unjudged"


@pytest.mark.parametrize(
    ("question", "says"),
    [("", "empty"), (" \n ", "empty"), ("a " * 50_000, "100,000 characters"), ("Ana \udc80", "not valid text")],
)
def test_a_question_that_cannot_be_asked_is_refused_before_sampling(question: str, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        solve(engine(), Problem("id", question, "1", "typed"))


def test_a_question_beyond_the_context_is_refused_with_both_numbers() -> None:
    small = ScriptedEngine({}, context=10)
    with pytest.raises(BadInput, match=r"1,001 tokens .* 10 in all"):
        solve(small, make_problem("a " * 1000, "1", "typed"))


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(BadInput, match="no format"):
        solve(engine(), PROBLEM, "haiku")


def test_html_and_script_in_a_question_are_only_text() -> None:
    question = "<script>alert(1)</script> {{7*7}} '; drop table problems; --"
    [trace] = solve(
        ScriptedEngine(lambda prompt, seed: "The answer is 5."), make_problem(question, "5", "typed"), "cot"
    )
    assert trace.prompt == question + "\n"


def test_many_problems_are_solved_together_in_their_order() -> None:
    problems = [make_problem(f"How much is {i} + 1?", str(i + 1), "typed") for i in range(300)]
    adder = ScriptedEngine(lambda prompt, seed: f"The answer is {int(prompt.split()[3]) + 1 + seed}.")
    traces = list(solve_many(adder, problems, "cot", Sampling(num=2)))
    assert [trace.problem_id for trace in traces] == [problem.id for problem in problems for _ in range(2)]
    assert [trace.verdict.status for trace in traces] == ["right", "wrong"] * 300
    assert [trace.maker.seed for trace in traces[:2]] == [0, 1]
