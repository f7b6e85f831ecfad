"""Labels and pits → pairs: Self-Explore's rules and traps (arXiv 2404.10346 §3.3), and ours for people's flags."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasoner.engines.scripted import ScriptedEngine
from reasoner.errors import BadInput
from reasoner.records import Label, Pair, Problem, Step, Trace
from reasoner.store import Store
from tests.training_help import RIGHT, WRONG, pairs, pit, problem, trace
from training.pairs import collect_pairs, preview_pairs, read_pairs, write_pairs

REST = "Solve Parent: Ben's coins = 3 + 2 = 5\nSummarize: the answer is 5"
LONG_REST = "Solve Subquestion: Ana's coins = 3\n" + REST
BAD_REST = "Solve Parent: Ben's coins = 3 + 2 = 6\nSummarize: the answer is 6"


def add(store: Store, of: Problem, *traces: Trace) -> None:
    store.add_problems([of])
    store.add_traces(traces)


def flag(
    store: Store, of: Trace, step: int | None = 1, kind: str = "first_wrong", by: str = "ada", **rest: str
) -> None:
    store.add_label(Label.of(of, kind=kind, step=step if kind == "first_wrong" else None, annotator=by, **rest))  # type: ignore[arg-type]


def script(**rests: list[str]) -> ScriptedEngine:
    """An engine that answers by what the prompt's last line is: after Formalize, or the bare question."""
    calls = {"prefix": rests.get("prefix", [REST]), "question": rests.get("question", [RIGHT])}

    def answer(prompt: str, seed: int) -> str:
        texts = calls["prefix" if prompt.rstrip().split("\n")[-1].startswith(("Formalize", "Solve")) else "question"]
        return texts[min(seed, len(texts) - 1)]

    return ScriptedEngine(answer)


class TestMachinePits:
    def test_a_pit_gives_prefix_pit_alone_and_the_shortest_right_remainder_whole(self, store: Store) -> None:
        wrong = trace(problem(), WRONG)
        add(store, problem(), wrong)
        store.add_pit(pit(wrong, 1, {LONG_REST: True, REST: True, BAD_REST: False}))
        [pair], counts = collect_pairs(store, None)
        assert pair.prompt == wrong.prompt + "Formalize: find Ben's coins\n"
        assert pair.rejected == "Solve Parent: Ben's coins = 3 + 2 = 6\n"
        assert pair.chosen == REST
        assert (pair.origin, pair.by, pair.chosen_from, pair.source) == ("machine", "linear", "remainder", "pit")
        assert (counts.kept, counts.dropped) == (1, {})

    def test_at_the_first_step_a_right_solution_is_chosen_whole(self, store: Store) -> None:
        wrong = trace(problem(), "Formalize: find Ana's coins\nSummarize: the answer is 3")
        longer = trace(problem(), RIGHT.replace("Solve", "Decompose: Ana's coins\nSolve", 1), seed=2)
        add(store, problem(), wrong, trace(problem(), RIGHT), longer)
        store.add_pit(pit(wrong, 0, {}))
        [pair], _ = collect_pairs(store, None)
        assert (pair.prompt, pair.chosen, pair.chosen_from) == (wrong.prompt, RIGHT, "solution")

    def test_no_pit_found_drops_the_row(self, store: Store) -> None:
        wrong = trace(problem(), WRONG)
        add(store, problem(), wrong)
        store.add_pit(pit(wrong, None, {}))
        assert collect_pairs(store, None)[1].dropped == {"machine pit: every prefix recovered, no pit found": 1}

    def test_a_remainder_serves_once_a_question(self, store: Store) -> None:
        first, second = trace(problem(), WRONG), trace(problem(), WRONG.replace("= 6", "= 7"), seed=1)
        add(store, problem(), first, second)
        store.add_pit(pit(first, 1, {REST: True, LONG_REST: True}, name="one"))
        store.add_pit(pit(second, 1, {REST: True, LONG_REST: True}, name="two"))
        made, _ = collect_pairs(store, None)
        assert [pair.chosen for pair in made] == [REST, LONG_REST]

    def test_when_all_remainders_are_used_the_row_is_dropped(self, store: Store) -> None:
        first, second = trace(problem(), WRONG), trace(problem(), WRONG.replace("= 6", "= 7"), seed=1)
        add(store, problem(), first, second)
        store.add_pit(pit(first, 1, {REST: True}, name="one"))
        store.add_pit(pit(second, 1, {REST: True}, name="two"))
        made, counts = collect_pairs(store, None)
        assert len(made) == 1
        assert counts.dropped == {"every right remainder is used already or begins with the pit itself": 1}

    def test_a_rejected_text_kept_for_the_question_already_is_dropped(self, store: Store) -> None:
        """The original's filter asks for `rejected not in <list of lists>` and never fires."""
        first, second = trace(problem(), WRONG), trace(problem(), WRONG, seed=1)
        add(store, problem(), first, second)
        store.add_pit(pit(first, 1, {REST: True}, name="one"))
        store.add_pit(pit(second, 1, {LONG_REST: True}, name="two"))
        made, counts = collect_pairs(store, None)
        assert len(made) == 1
        assert counts.dropped == {"the same chosen or rejected text is kept for this question already": 1}

    @pytest.mark.parametrize(
        "conclusion",
        [
            "Summarize: the answer is 6",
            "The answer is 6.",
            "#### 6",
            "So the answer is: 6",
            "State 3:\nAction: Summarize\nOutput: 6",
        ],
    )
    def test_a_pit_on_the_conclusion_line_leaves_nothing_to_reject(self, store: Store, conclusion: str) -> None:
        text = "Formalize: find Ben's coins\n"
        wrong = trace(problem(), text + conclusion.replace("\n", " / "))
        steps = (wrong.steps[0], type(wrong.steps[0])(conclusion))
        wrong = Trace(**{name: getattr(wrong, name) for name in Trace.__slots__} | {"steps": steps})  # type: ignore[attr-defined]
        add(store, problem(), wrong)
        store.add_pit(pit(wrong, 1, {REST: True}))
        made, counts = collect_pairs(store, None)
        assert made == []
        assert counts.dropped == {"the pit is the conclusion line: nothing left to reject": 1}

    def test_a_conclusion_that_calculates_is_still_a_step(self, store: Store) -> None:
        wrong = trace(problem(), "Formalize: find Ben's coins\nThe answer is 3 + 2 = 6")
        add(store, problem(), wrong)
        store.add_pit(pit(wrong, 1, {REST: True}))
        [pair], _ = collect_pairs(store, None)
        assert pair.rejected == "The answer is 3 + 2 = 6"

    def test_what_code_asks_for_can_be_rejected_and_what_the_interpreter_printed_cannot(self, store: Store) -> None:
        steps = (Step("answer = Ana_coins", kind="equation"), Step("Output: 3", kind="output"))
        wrong = replace(trace(problem(), "answer = Ana_coins\nOutput: 3"), steps=steps)
        again = replace(trace(problem(), "answer = Ana_coins\nOutput: 3", seed=1), steps=steps)
        add(store, problem(), wrong, again, trace(problem(), RIGHT))
        store.add_pit(pit(wrong, 0, {}, name="one"))
        store.add_pit(pit(again, 1, {REST: True}, name="two"))
        [pair], counts = collect_pairs(store, None)
        assert pair.rejected == "answer = Ana_coins\n"
        assert counts.dropped == {"the flagged step is what the interpreter printed, not what the model wrote": 1}

    def test_exploration_is_for_wrong_traces(self, store: Store) -> None:
        right = trace(problem(), RIGHT)
        add(store, problem(), right)
        store.add_pit(pit(right, 1, {LONG_REST: True}))
        assert collect_pairs(store, None)[1].dropped == {"machine pit: the trace's answer is right, not wrong": 1}

    def test_a_remainder_that_begins_with_the_pit_is_passed_over(self, store: Store) -> None:
        wrong = trace(problem(), WRONG)
        add(store, problem(), wrong)
        lucky = "Solve Parent: Ben's coins = 3 + 2 = 6\nSummarize: the answer is 5"
        store.add_pit(pit(wrong, 1, {lucky: True, lucky + " . . . . . . . .": False, LONG_REST: True}))
        [pair], _ = collect_pairs(store, None)
        assert pair.chosen == LONG_REST


class TestPeoplesFlags:
    def test_remainders_are_sampled_with_k_rising_until_one_recovers(self, store: Store) -> None:
        wrong = trace(problem(), WRONG)
        add(store, problem(), wrong)
        flag(store, wrong)
        seeds: list[int] = []

        def answer(prompt: str, seed: int) -> str:
            assert prompt == wrong.prompt + "Formalize: find Ben's coins\n"
            seeds.append(seed)
            return REST if seed == 9 else BAD_REST

        [pair], counts = collect_pairs(store, ScriptedEngine(answer))
        assert (pair.chosen, pair.origin, pair.by) == (REST, "person", "ada")
        assert sorted(seeds) == list(range(16))  # 4, then 4 more, then 8 more; the tenth recovered
        assert counts.kept == 1

    def test_a_flag_that_never_recovers_is_dropped_after_32(self, store: Store) -> None:
        wrong = trace(problem(), WRONG)
        add(store, problem(), wrong)
        flag(store, wrong)
        made, counts = collect_pairs(store, script(prefix=[BAD_REST]))
        assert made == []
        assert counts.dropped == {"none of 32 samples recovered before the flagged step": 1}

    def test_at_the_first_step_the_bare_question_is_continued(self, store: Store) -> None:
        wrong = trace(problem(), WRONG)
        add(store, problem(), wrong)
        flag(store, wrong, step=0)
        other = RIGHT.replace("Formalize: find", "Formalize: what are")
        [pair], _ = collect_pairs(store, script(question=[other]))
        assert (pair.prompt, pair.rejected, pair.chosen) == (wrong.prompt, "Formalize: find Ben's coins\n", other)

    def test_a_right_trace_with_the_same_beginning_saves_the_sampling(self, store: Store) -> None:
        wrong = trace(problem(), WRONG)
        add(store, problem(), wrong, trace(problem(), RIGHT))
        flag(store, wrong)
        [pair], _ = collect_pairs(store, None)
        assert pair.chosen == REST

    def test_when_the_known_remainders_are_used_new_ones_are_sampled(self, store: Store) -> None:
        first, second = trace(problem(), WRONG), trace(problem(), WRONG.replace("= 6", "= 7"), seed=1)
        add(store, problem(), first, second, trace(problem(), RIGHT))
        flag(store, first)
        flag(store, second)
        made, _ = collect_pairs(store, script(prefix=[LONG_REST]))
        assert [pair.chosen for pair in made] == [REST, LONG_REST]

    def test_a_correction_is_continued_to_a_right_answer(self, store: Store) -> None:
        wrong = trace(problem(), WRONG)
        add(store, problem(), wrong)
        flag(store, wrong, correction="Solve Parent: Ben's coins = 3 + 2 = 5")
        engine = script(prefix=["Summarize: the answer is 6", "Summarize: the answer is 5"])
        [pair], _ = collect_pairs(store, engine)
        assert (pair.chosen, pair.chosen_from, pair.is_whole) == (REST, "correction", True)

    def test_a_correction_nothing_recovers_from_stands_alone_and_does_not_end(self, store: Store) -> None:
        wrong = trace(problem(), WRONG)
        add(store, problem(), wrong)
        flag(store, wrong, correction="Solve Parent: Ben's coins = 3 + 2 = 5")
        [pair], _ = collect_pairs(store, script(prefix=["Summarize: the answer is 6"]))
        assert (pair.chosen, pair.is_whole) == ("Solve Parent: Ben's coins = 3 + 2 = 5\n", False)

    def test_a_correction_of_an_unjudged_problem_needs_no_answer(self, store: Store) -> None:
        unjudged = Problem("u", "How many?", None, "typed")
        written = trace(unjudged, WRONG)
        add(store, unjudged, written)
        flag(store, written, correction="Solve Parent: Ben's coins = 3 + 2 = 5")
        [pair], _ = collect_pairs(store, script())
        assert (pair.chosen_from, pair.is_whole) == ("correction", False)

    def test_without_an_answer_or_correction_no_remainder_can_be_judged(self, store: Store) -> None:
        unjudged = Problem("u", "How many?", None, "typed")
        written = trace(unjudged, WRONG)
        add(store, unjudged, written)
        flag(store, written)
        assert collect_pairs(store, script())[1].dropped == {"no gold answer: no remainder can be judged right": 1}
        assert preview_pairs(store).counts.dropped == {"no gold answer: no remainder can be judged right": 1}

    def test_a_persons_flag_wins_over_the_machines_pit_of_the_same_trace(self, store: Store) -> None:
        wrong = trace(problem(), WRONG)
        add(store, problem(), wrong)
        flag(store, wrong, step=0)
        store.add_pit(pit(wrong, 1, {REST: True}))
        made, counts = collect_pairs(store, script(question=["Decompose: Ana's coins\n" + REST]))
        assert [(pair.origin, pair.step) for pair in made] == [("person", 0)]
        assert counts.dropped == {"machine pit: a person judged the same trace": 1}

    @pytest.mark.parametrize("kind", ["all_right", "unsure", "bad_problem"])
    def test_traces_a_person_would_not_flag_are_not_used(self, store: Store, kind: str) -> None:
        wrong = trace(problem(), WRONG)
        add(store, problem(), wrong)
        flag(store, wrong, kind=kind)
        store.add_pit(pit(wrong, 1, {REST: True}))
        made, counts = collect_pairs(store, script())
        assert made == []
        assert sum(counts.dropped.values()) == 2

    def test_a_skipped_trace_is_not_judged(self, store: Store) -> None:
        wrong = trace(problem(), WRONG)
        add(store, problem(), wrong)
        flag(store, wrong, kind="skip")
        store.add_pit(pit(wrong, 1, {REST: True}))
        made, counts = collect_pairs(store, None)
        assert len(made) == 1
        assert counts.dropped == {"skipped by the annotator": 1}

    def test_of_several_people_the_most_named_step_counts_once(self, store: Store) -> None:
        wrong = trace(problem(), WRONG)
        add(store, problem(), wrong)
        for by, step in (("ada", 0), ("bob", 1), ("cy", 1)):
            flag(store, wrong, step=step, by=by)
        made, counts = collect_pairs(store, script())
        assert [(pair.step, pair.by) for pair in made] == [(1, "bob")]
        assert counts.dropped == {"another annotator's flag on the same trace is used": 2}

    def test_one_annotators_flags_can_be_taken_alone(self, store: Store) -> None:
        wrong, other = trace(problem(), WRONG), trace(problem(4), WRONG)
        add(store, problem(), wrong)
        add(store, problem(4), other)
        flag(store, wrong, by="guest-1")
        flag(store, other, by="guest-2")
        made, _ = collect_pairs(store, script(), annotator="guest-1")
        assert [pair.by for pair in made] == ["guest-1"]


class TestForeignTraces:
    def test_an_imported_trace_is_asked_by_the_model_in_use_and_the_pair_says_so(self, store: Store) -> None:
        imported = trace(problem(), WRONG, prompt="", form="imported")
        add(store, problem(), imported)
        flag(store, imported)
        [pair], _ = collect_pairs(store, script())
        assert pair.prompt == problem().question + "\nFormalize: find Ben's coins\n"
        assert pair.prompt_from == "engine"

    def test_words_outside_the_vocabulary_are_a_reason(self, store: Store) -> None:
        class Narrow(ScriptedEngine):
            def unknown_words(self, text: str) -> list[str]:
                return ["coins"]

        wrong = trace(problem(), WRONG)
        add(store, problem(), wrong)
        store.add_pit(pit(wrong, 1, {REST: True}))
        assert collect_pairs(store, Narrow({}))[1].dropped == {"has words outside the model's vocabulary": 1}

    def test_nothing_is_sampled_for_a_flag_the_model_cannot_read(self, store: Store) -> None:
        class Narrow(ScriptedEngine):
            def unknown_words(self, text: str) -> list[str]:
                return ["coins"] if "2 more coins" in text else []

        def answer(prompt: str, seed: int) -> str:
            assert "2 more coins" not in prompt
            return REST.replace("= 5", "= 7").replace("is 5", "is 7")

        first, second = trace(problem(), WRONG), trace(problem(4), WRONG)
        add(store, problem(), first)
        add(store, problem(4), second)
        flag(store, first)
        flag(store, second)
        made, counts = collect_pairs(store, Narrow(answer), max_pairs=1)
        assert [pair.problem_id for pair in made] == [problem(4).id]  # the bound counts pairs, not flags
        assert counts.dropped == {"has words outside the model's vocabulary": 1}

    def test_pairs_that_the_model_cannot_hold_are_a_reason_and_never_cut(self, store: Store) -> None:
        wrong = trace(problem(), WRONG)
        add(store, problem(), wrong)
        store.add_pit(pit(wrong, 1, {REST: True}))
        assert collect_pairs(store, ScriptedEngine({}, context=20))[1].dropped == {"longer than the model's context": 1}


def test_every_row_is_kept_or_dropped_for_a_reason(store: Store) -> None:
    for number in range(2, 6):
        wrong = trace(problem(number), WRONG)
        add(store, problem(number), wrong)
        flag(store, wrong, kind=("first_wrong", "unsure", "all_right", "skip")[number - 2])
        store.add_pit(pit(wrong, 1, {REST.replace("= 5", f"= {number + 3}"): True}, name=f"pit {number}"))
    made, counts = collect_pairs(store, None, max_pairs=1)
    assert counts.kept == len(made)
    assert counts.kept + sum(counts.dropped.values()) == 8


def test_the_preview_knows_pairs_and_flags_to_sample_for_without_a_model(store: Store) -> None:
    first, second = trace(problem(), WRONG), trace(problem(4), WRONG)
    add(store, problem(), first)
    add(store, problem(4), second)
    flag(store, first)
    store.add_pit(pit(second, 1, {REST: True}))
    preview = preview_pairs(store)
    assert [pair.origin for pair in preview.pairs] == ["machine"]
    assert [candidate.trace.id for candidate in preview.pending] == [first.id]
    assert preview.num_pairs == 2


def test_pairs_come_back_from_their_file(tmp_path: Path) -> None:
    write_pairs(pairs(3), tmp_path / "pairs.jsonl")
    assert read_pairs(tmp_path / "pairs.jsonl") == pairs(3)


@given(st.text(min_size=1).filter(str.strip))
def test_any_text_survives_the_file(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.mktemp("pairs") / "pairs.jsonl"
    text = text.encode("utf-8", "ignore").decode() or "x"
    pair = Pair("p", "q", "t", 0, text, text, text, "person", text, "remainder")
    if text.strip():
        write_pairs([pair], path)
        assert read_pairs(path) == [pair]


@pytest.mark.parametrize("line", ["{", "[]", '{"id": "p"}', '{"id": 1, "x": 2}'])
def test_a_line_that_is_no_pair_is_named(tmp_path: Path, line: str) -> None:
    write_pairs(pairs(1), tmp_path / "pairs.jsonl")
    with (tmp_path / "pairs.jsonl").open("a") as file:
        file.write(line + "\n")
    with pytest.raises(BadInput, match="line 2"):
        read_pairs(tmp_path / "pairs.jsonl")


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="python -m training pairs"):
        read_pairs(tmp_path / "none.jsonl")
