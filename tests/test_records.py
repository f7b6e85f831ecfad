"""The records: the example of their docstring, and ids that follow from content alone."""

import subprocess
import sys
import textwrap

from hypothesis import given
from hypothesis import strategies as st

from reasoner import records
from reasoner.records import Label, Maker, Step, Trace, Verdict, content_id, make_problem, make_trace, state_ids

ANY_TEXT = st.text(st.characters(exclude_categories=()))  # lone surrogates too, which JSON can write


def sample(texts: list[str], seed: int = 0) -> Trace:
    problem = make_problem("How many?", "5", "typed")
    steps = [Step(text) for text in texts]
    return make_trace(problem, prompt="How many?\n", text="\n".join(texts), steps=steps, answer=None,
                      verdict=Verdict("unjudged"), maker=Maker("scripted", seed=seed), format="cot")  # fmt: skip


def test_the_example_of_the_docstring_is_what_it_says() -> None:
    example = (records.__doc__ or "").split("to label:\n\n")[1].split("\n\nEvery step")[0]
    names = dict(vars(records))
    exec(compile(textwrap.dedent(example), "records.py", "exec"), names)  # noqa: S102  our own docstring
    problem, trace, label = names["problem"], names["trace"], names["label"]
    assert isinstance(label, Label)
    assert (trace.problem_id, label.trace_id, label.problem_id) == (problem.id, trace.id, problem.id)
    assert (label.kind, label.step, label.annotator) == ("first_wrong", 0, "ada")
    assert label.seen_steps == ("Ben has 3 + 2 = 6 coins.", "The answer is 6.")


@given(st.lists(ANY_TEXT))
def test_every_text_has_an_id_of_sixteen_hex_digits(parts: list[str]) -> None:
    made = content_id(*parts)
    assert len(made) == 16 and int(made, 16) >= 0
    assert made == content_id(*parts)


def test_lone_surrogates_have_ids_of_their_own() -> None:
    assert content_id("\ud83d") != content_id("\udc00") != content_id("?")
    assert sample(["5 \ud83d coins"]).id != sample(["5 \udc00 coins"]).id


def test_ids_are_the_same_in_every_run_and_do_not_change_with_a_new_version() -> None:
    code = "from reasoner.records import content_id; print(content_id('problem', 'How many has Bé?'))"
    seen = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert seen == content_id("problem", "How many has Bé?") == "fa5fdbbc17746848"


def test_a_question_is_one_problem_however_it_is_spaced() -> None:
    assert make_problem("How  many\n?", "5", "a").id == make_problem(" How many ?", "7", "b").id
    assert make_problem("How many ?", "5", "a").id != make_problem("How few ?", "5", "a").id


def test_the_same_sample_twice_is_one_trace_and_another_seed_another() -> None:
    assert sample(["a", "b"]).id == sample(["a", "b"]).id
    assert len({sample(["a", "b"]).id, sample(["a b"]).id, sample(["a", "b"], seed=1).id}) == 3


@given(st.lists(ANY_TEXT, max_size=4), st.lists(ANY_TEXT, max_size=4), st.lists(ANY_TEXT, max_size=4))
def test_traces_that_share_a_prefix_share_its_states(shared: list[str], first: list[str], second: list[str]) -> None:
    one = state_ids("p", [Step(text) for text in shared + first])
    other = state_ids("p", [Step(text) for text in shared + second])
    assert one[: len(shared) + 1] == other[: len(shared) + 1]
    assert len(one) == len(shared + first) + 1


def test_states_part_at_the_first_step_that_differs_and_stay_apart() -> None:
    one = state_ids("p", [Step("a"), Step("b"), Step("c")])
    other = state_ids("p", [Step("a"), Step("x"), Step("c")])
    assert [left == right for left, right in zip(one, other, strict=True)] == [True, True, False, False]
    assert state_ids("p", [Step("a  b ")]) == state_ids("p", [Step("a b")])
    assert set(state_ids("p", [Step("a")])).isdisjoint(state_ids("q", [Step("a")]))
