"""Agreement: who says the same, by samples and by formats; a badge on each trace; a filter; a program of the words."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasoner.checks.answers import judge
from reasoner.engines.scripted import ScriptedEngine
from reasoner.errors import BadInput
from reasoner.records import Label, Maker, Problem, Step, Trace, make_problem, make_trace
from reasoner.review.agreement import agreement, agreement_panel, is_executed
from reasoner.review.translation import INSTRUCTION, translate
from reasoner.score import score, table
from reasoner.store import Store
from reasoner.votes import agreement_of, format_votes, group_answers, majority

QUESTION = "Ana has 41 coins. Ben has 26 more coins than Ana. How many coins does Ben have?"


def said(problem: Problem, format: str, answer: str | None, number: int = 0) -> Trace:
    outcome = f"answer = {answer}" if format in ("program", "equations") and answer is not None else ""
    return make_trace(
        problem,
        prompt="",
        text=f"{format} {number} says {answer}",
        steps=(Step(f"{format} {number} says {answer}", outcome=outcome),),
        answer=answer,
        verdict=judge(problem.answer, answer),
        maker=Maker("scripted", "script", seed=number),
        format=format,
    )


@pytest.fixture
def problem() -> Problem:
    return make_problem(QUESTION, "67", "test")


def test_the_same_answers_are_one_group_however_they_are_written() -> None:
    assert group_answers(["67", "41", "$67.00", "41", "67 coins"]) == [[0, 2, 4], [1, 3]]
    assert group_answers(["1/2", "0.5", "50%"]) == [[0, 1, 2]]
    assert group_answers([]) == []


def test_what_cannot_be_compared_is_a_group_of_its_own() -> None:
    assert group_answers(["some words that are no answer at all", "7"]) == [[0], [1]]


def test_two_groups_of_the_same_size_have_no_majority() -> None:
    assert majority([[0, 1], [2]]) == 0
    assert majority([[0], [1]]) is None
    assert majority([]) is None


def test_a_format_has_one_vote_however_many_samples_it_has() -> None:
    assert format_votes([("cot", "41")] * 9 + [("cot", "67"), ("program", "67")]) == {"cot": "41", "program": "67"}
    assert format_votes([("cot", "41"), ("cot", "67")]) == {"cot": None}


@given(st.lists(st.tuples(st.sampled_from(["cot", "program", "equations"]), st.sampled_from(["1", "2"])), max_size=8))
def test_the_order_of_samples_does_not_change_whether_formats_agree(answers: list[tuple[str, str]]) -> None:
    assert agreement_of(answers) == agreement_of(answers[::-1])
    assert (agreement_of(answers) == "") == (len({format for format, _ in answers}) < 2)


def test_majorities_are_counted_over_samples_and_over_formats(problem: Problem) -> None:
    traces = [said(problem, "cot", "41", i) for i in range(3)]
    traces += [said(problem, "program", "67"), said(problem, "equations", "67.0")]
    found = agreement(problem, traces)
    assert (found.by_samples.answer, found.by_samples.num, found.by_samples.total) == ("41", 3, 5)
    assert (found.by_formats.answer, found.by_formats.num, found.by_formats.total) == ("67", 2, 3)
    assert [group.answer for group in found.groups] == ["41", "67"]
    assert found.groups[1].formats == ("program", "equations")


def test_a_badge_says_who_agrees_and_who_does_not(problem: Problem) -> None:
    words, program, equations = (
        said(problem, name, answer)
        for name, answer in zip(("cot", "program", "equations"), ("41", "67", "67"), strict=True)
    )
    badges = agreement(problem, [words, program, equations]).badges
    assert badges[program.id].text == "2 of 3 formats: program, equations; words say 41"
    assert badges[words.id].text == "1 of 3 formats: words; program, equations say 67"
    assert [badges[trace.id].standing for trace in (words, program)] == ["few", "most"]


def test_all_formats_agreeing_is_said(problem: Problem) -> None:
    traces = [said(problem, "cot", "67"), said(problem, "program", "67")]
    found = agreement(problem, traces)
    assert found.badges[traces[0].id].text == "2 of 2 formats: words, program"
    assert agreement_panel(problem, traces)["state"] == "agree"


def test_a_tie_of_formats_is_said_as_a_tie(problem: Problem) -> None:
    traces = [said(problem, "cot", "41"), said(problem, "program", "67")]
    found = agreement(problem, traces)
    assert found.by_formats.answer is None
    assert found.by_formats.tied == ("41", "67")
    assert {badge.standing for badge in found.badges.values()} == {"tie"}
    assert agreement_panel(problem, traces)["sentence"].startswith("formats tie between 41 and 67")


def test_one_format_alone_counts_its_samples(problem: Problem) -> None:
    traces = [said(problem, "cot", answer, i) for i, answer in enumerate(["67", "67", "41"])]
    badge = agreement(problem, traces).badges[traces[0].id]
    assert (badge.standing, badge.text) == ("alone", "2 of 3 samples say 67")


def test_traces_without_an_answer_are_counted_apart_and_never_vote(problem: Problem) -> None:
    traces = [said(problem, "program", None), said(problem, "cot", "67"), said(problem, "equations", "67")]
    found = agreement(problem, traces)
    assert found.without_answer == (traces[0].id,)
    assert found.by_formats.total == 2
    assert found.badges[traces[0].id].standing == "none"


def test_an_answer_that_could_not_be_judged_against_gold_is_no_vote(problem: Problem) -> None:
    odd = said(problem, "cot", "it depends on what is meant by coins")
    assert odd.verdict.status == "unjudged"
    found = agreement(problem, [odd, said(problem, "program", "67")])
    assert found.not_comparable == (odd.id,)
    assert len(found.votes) == 1


def test_a_repaired_copy_has_no_vote_of_its_own(problem: Problem, store: Store) -> None:
    words, program = said(problem, "cot", "41"), said(problem, "program", "67")
    copy = replace(said(problem, "cot", "67", 1), maker=Maker("repair", "script"))
    found = agreement(problem, [words, program, copy])
    assert (found.repaired, found.by_samples.total, found.badges[copy.id].standing) == ((copy.id,), 2, "none")
    store.add_problems([problem])
    store.add_traces([words, program, copy])
    assert store.count_problems(agreement="disagree") == 1


def test_without_a_known_gold_answer_every_answer_votes() -> None:
    unknown = make_problem("What is it?", None, "typed")
    found = agreement(unknown, [said(unknown, "cot", "7"), said(unknown, "program", "7")])
    assert found.by_formats.answer == "7"
    assert agreement_panel(unknown, [said(unknown, "cot", "7")])["groups"][0]["is_gold"] is None


def test_only_an_answer_that_was_computed_is_executed(problem: Problem) -> None:
    assert is_executed(said(problem, "program", "67"))
    assert not is_executed(said(problem, "program", None))
    assert not is_executed(said(problem, "cot", "67"))
    [group] = agreement(problem, [said(problem, "program", "67"), said(problem, "cot", "67")]).groups
    assert len(group.executed) == 1


def test_problems_are_found_by_whether_their_formats_agree(store: Store) -> None:
    one, two, three = (make_problem(f"{QUESTION} {i}", "67", "test") for i in range(3))
    store.add_problems([one, two, three])
    store.add_traces([said(one, "cot", "67"), said(one, "program", "67.0")])
    store.add_traces([said(two, "cot", "41"), said(two, "program", "67")])
    store.add_traces([said(three, "cot", "41"), said(three, "cot", "67", 1)])
    assert [row.problem.id for row in store.find_problems(agreement="agree")] == [one.id]
    assert [row.problem.id for row in store.find_problems(agreement="disagree")] == [two.id]
    store.add_traces([said(one, "equations", "66")])
    assert store.count_problems(agreement="disagree") == 2
    with pytest.raises(BadInput, match="agree or disagree"):
        store.find_problems(agreement="maybe")


def test_score_says_how_agreement_predicts_a_right_answer(store: Store) -> None:
    problems = [make_problem(f"{QUESTION} {i}", "67", "test") for i in range(3)]
    store.add_problems(problems)
    for problem, words in zip(problems, ("67", "67", "41"), strict=True):
        traces = [said(problem, "cot", words), said(problem, "program", "67"), said(problem, "equations", "67")]
        store.add_traces(traces)
        kind = "all_right" if words == "67" else "first_wrong"
        step = None if words == "67" else 0
        store.add_label(Label.of(traces[0], kind=kind, step=step, annotator="ada"))  # type: ignore[arg-type]
    found = score(store, "baseline-middle")
    assert found["agreement"]["agreeing"] == 6
    assert found["agreement"]["right_agreeing"] == 1
    assert found["agreement"]["disagreeing"] == 3  # the words that say 41, and the two that hear 41 and 67 beside them
    assert found["agreement"]["intervals"]["right_agreeing"][0] > 0.5
    assert sum(found["error_classes"]["proposed"].values()) == 1  # one step is flagged
    assert "agreement with the other formats" in table(found)


class Chat(ScriptedEngine):
    """A model that is told what to do."""

    def render(self, question: str, instruction: str, tag: str = "") -> str:
        return f"{instruction}\n\n{question}\n"


WORDS = "Ben has 41 + 26 = 57 coins.\nThe answer is 57."


def test_a_chat_model_translates_the_words_into_a_program_that_is_run(problem: Problem) -> None:
    asked: list[str] = []

    def program(prompt: str, seed: int) -> str:
        asked.append(prompt)
        return "```python\nben = 41 + 26\nanswer = ben\n```"

    words = said(problem, "cot", "57")
    found = translate(Chat(program), problem, words)
    assert INSTRUCTION in asked[0] and words.steps[0].text in asked[0]
    assert found.is_translation
    assert (found.trace.answer, found.agrees, found.trace.format) == ("67", False, "program")
    assert found.words == "Its translation into a program gives 67, where the words say 57."


def test_the_built_in_solver_writes_a_second_solution_and_that_is_said(problem: Problem) -> None:
    engine = ScriptedEngine(lambda prompt, seed: "Ben_coins = 41 + 26\nanswer = Ben_coins")
    found = translate(engine, problem, said(problem, "cot", "67"))
    assert not found.is_translation
    assert found.agrees
    assert "second solution" in found.words


def test_what_is_executed_already_is_not_translated(problem: Problem) -> None:
    with pytest.raises(BadInput, match="executed as it stands"):
        translate(Chat(lambda prompt, seed: ""), problem, said(problem, "program", "67"))


def test_a_translation_that_fails_is_no_vote_against_the_words(problem: Problem) -> None:
    found = translate(Chat(lambda prompt, seed: "answer = ben_coins + 1"), problem, said(problem, "cot", "67"))
    assert found.agrees is None
    assert "NameError" in found.words
