"""Kwai-STaR: paths that check themselves, rows and pairs made of them, how checking is counted, a whole tiny line."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reasoner.errors import BadInput, RunError
from reasoner.records import Pair, Problem
from reasoner.steps import tag_steps
from tests.recipe_help import Writer, small_solver, untrained
from tests.training_help import problem as hand_made
from tests.training_help import trace
from training.oracle import error_class, judge_steps
from training.pairs import read_pairs
from training.recipes import kwai_star, parts
from training.recipes.kwai_pairs import corrected_pairs, sampled_pairs
from training.recipes.kwai_paths import checked, false_alarm, going_on, repair
from training.recipes.kwai_rows import ordered, right_rows, slip_rows, taught_rows
from training.recipes.new_words import with_words
from training.recipes.sampling import Sample, Solved
from training.recipes.solver import Solver
from training.recipes.stages import read_stage
from training.verifying import WORDS, backtrack_line, said_of, standing, verify_line
from training.wordproblems import LEVELS, generate, problem_set

ENGINE = Writer(lambda question, tag, seed: "")
MANY = [problem for level in LEVELS for problem in problem_set(level, 12, 77)]


def example() -> Problem:
    """Ana owns 11 books. Compared with Ana, Cal has 4 fewer books. Nora owns 5 times as many books as Cal does. …"""
    return generate("easy", 4)


GOLD = [
    "Formalize: find Nora's books",
    "Decompose: Nora's books, Cal's books",
    "Solve Subquestion: Cal's books = Ana's books - 4 = 11 - 4 = 7",
    "Solve Parent: Nora's books = Cal's books × 5 = 7 × 5 = 35",
    "Summarize: the answer is 35",
]
CAL = "Compared with Ana, Cal has 4 fewer books. Cal's books = Ana's books - 4"
NORA = "Nora owns 5 times as many books as Cal does. Nora's books = Cal's books × 5"
SLIP = "Solve Subquestion: Cal's books = Ana's books + 4 = 11 + 4 = 15"
WRONG = [*GOLD[:2], SLIP, "Solve Parent: Nora's books = Cal's books × 5 = 15 × 5 = 75", "Summarize: the answer is 75"]
REPAIRED = [
    f"Verify: {CAL} wrong",
    "Backtrack: to state 2",
    GOLD[2],
    f"Verify: {CAL} right",
    GOLD[3],
    f"Verify: {NORA} right",
    GOLD[4],
]


def solved(problem: Problem, *texts: tuple[str, str]) -> Solved:
    """Samples of (status, text)."""
    samples = [Sample(text, seed, 1, None, status) for seed, (status, text) in enumerate(texts)]
    return Solved(problem.id, problem.question + "\nTransitions:\n", tuple(samples))


# ── lines ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (verify_line(CAL, True), True),
        (verify_line(CAL, False), False),
        (verify_line("", False), False),
        ("Verify: the wrong turn was mended, so this is right.", True),
        ("Verify: that is not right", False),
        ("Verify: 3 + 2 = 5, which is correct!", True),
        ("Verify: 3 + 2 does not equal 6, so there is a mistake here", False),
        ("Verify: 3 + 2 = 5", None),
        ("Verify:", None),
        ("Solve Parent: right", None),
        ("<b>Verify</b>: right", None),
    ],
)
def test_what_a_verify_says(line: str, said: bool | None) -> None:
    assert said_of(line) is said


def test_a_backtrack_takes_back_what_came_after_its_state() -> None:
    path = [*GOLD[:2], SLIP, *REPAIRED]
    assert standing(path) == [0, 1, 5, 7, 9]
    assert standing([]) == [] and standing(["Backtrack: to state 9"]) == []
    assert standing([GOLD[0], "Backtrack: to state 5", GOLD[1]]) == [0, 2]  # forward: it takes nothing back


def test_the_oracle_judges_what_a_verify_says_of_the_path() -> None:
    path = [*GOLD[:2], SLIP, f"Verify: {CAL} right", f"Verify: {CAL} wrong", "Backtrack: to state 2", GOLD[2],
            f"Verify: {CAL} wrong", f"Verify: {CAL} right"]  # fmt: skip
    statuses = [one.verdict.status for one in judge_steps(example(), path)]
    assert statuses == ["right", "right", "wrong", "wrong", "right", "unjudged", "right", "wrong", "right"]
    assert error_class(example(), path) == "none found"  # the slip was taken back
    assert error_class(example(), path[:4]) == "misunderstanding"


# ── paths ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_wrong_path_is_cut_at_its_slip_and_put_right_word_for_word() -> None:
    made = repair(example(), WRONG)
    assert not isinstance(made, str)
    assert list(made.before) == WRONG[:3] and list(made.after) == REPAIRED
    assert list(made.instead_of) == WRONG[3:] and made.pit == 2


def test_right_solves_before_the_slip_get_their_check_where_asked() -> None:
    late = [*GOLD[:3], "Solve Parent: Nora's books = Cal's books × 5 = 7 × 5 = 36", "Summarize: the answer is 36"]
    made = repair(example(), late, inserts_checks=True)
    assert not isinstance(made, str)
    assert list(made.before) == [*GOLD[:3], f"Verify: {CAL} right", late[3]]
    assert list(made.after) == [
        f"Verify: {NORA} wrong", "Backtrack: to state 4", GOLD[3], f"Verify: {NORA} right", GOLD[4]
    ]  # fmt: skip


def test_a_slip_of_the_plan_is_seen_after_the_first_solve() -> None:
    plan = [GOLD[0], "Decompose: Nora's books", "Solve Parent: Nora's books = Ana's books × 5 = 11 × 5 = 55",
            "Summarize: the answer is 55"]  # fmt: skip
    made = repair(example(), plan)
    assert not isinstance(made, str)
    assert list(made.before) == plan[:3] and made.pit == 1
    assert made.after[:3] == (f"Verify: {CAL} wrong", "Backtrack: to state 1", GOLD[1])


def test_a_given_quantity_in_the_plan_is_read_again_as_given() -> None:
    plan = [GOLD[0], f"{GOLD[1]}, Ana's books", *GOLD[2:4], "Summarize: the answer is 36"]
    made = repair(example(), plan)
    assert not isinstance(made, str)
    assert made.after[0] == "Verify: Ana owns 11 books. Ana's books = 11 wrong" and made.pit == 1


def test_what_cannot_be_repaired_says_why() -> None:
    assert repair(example(), GOLD) == "no step that stands is wrong"
    assert repair(example(), [*GOLD[:2], "Summarize: the answer is 36"]) == "nothing is solved at or after the slip"
    assert repair(example(), []) == "no step that stands is wrong"


def _slipped(lines: list[str], place: int) -> list[str]:
    """The path with a slip in that line."""
    bad = list(lines)
    bad[place] = [
        "Formalize: find Zed's coins",
        ", ".join(bad[place].split(", ")[:-1]),
        bad[place].rpartition(" ")[0] + " 1",
    ][min(place, 2)]
    return bad


def test_every_made_path_is_legal_and_all_right_in_the_end() -> None:
    num = 0
    for problem in MANY:
        gold = problem.solution.split("\n")
        paths = [checked(problem)]
        for place in range(len(gold) - 1):
            for inserts in (False, True):
                made = repair(problem, _slipped(gold, place), inserts)
                assert not isinstance(made, str), made
                paths.append([*made.before, *made.after])
        for path in paths:
            judged = judge_steps(problem, path)
            assert all(step.is_legal for step in tag_steps(path)), path
            assert all(judged[index].verdict.status == "right" for index in standing(path)), path
            said = [one for one, line in zip(judged, path, strict=True) if said_of(line) is not None]
            assert said and all(one.verdict.status == "right" for one in said), path
            num += 1
    assert num > 300


def test_what_is_left_is_what_was_not_solved_yet() -> None:
    assert going_on(example(), GOLD[:3], is_checked=False) == GOLD[3:]
    assert going_on(example(), [], is_checked=False) == GOLD
    assert going_on(example(), GOLD[:4]) == GOLD[4:]


def test_calling_a_right_state_wrong_is_a_false_alarm() -> None:
    path = [*GOLD[:3], f"Verify: {CAL} wrong", "Backtrack: to state 2", SLIP, *WRONG[3:]]
    made = false_alarm(example(), path)
    assert made is not None
    assert list(made.before) == GOLD[:3] and list(made.instead_of) == path[3:]
    assert list(made.after) == [f"Verify: {CAL} right", GOLD[3], f"Verify: {NORA} right", GOLD[4]]
    assert false_alarm(example(), [*GOLD[:2], SLIP, *REPAIRED]) is None
    assert false_alarm(example(), checked(example())) is None


# ── rows and pairs ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_rows_check_themselves_and_a_slip_is_never_learnt() -> None:
    one, dropped = example(), Counter[str]()
    prompts = {one.id: one.question + "\nTransitions:\n"}
    [right] = right_rows([one], prompts, ENGINE, dropped)
    assert right["completion"] == "\n".join(checked(one)) and right["difficulty"] == 2
    samples = solved(one, ("right", "\n".join(GOLD)), ("wrong", "\n".join(WRONG)), ("wrong", "\n".join(WRONG)))
    [slip] = slip_rows({one.id: one}, [samples], ENGINE, 2, dropped)
    assert slip["prompt"] == prompts[one.id] + "\n".join(WRONG[:3]) + "\n"
    assert slip["completion"] == "\n".join(REPAIRED) and SLIP not in str(slip["completion"])
    assert dropped == {"the same slip again": 1}


def test_what_the_model_cannot_read_is_dropped_and_counted() -> None:
    one, dropped = example(), Counter[str]()
    short = Writer(lambda *asked: "", context=50)
    assert right_rows([one], {one.id: one.question + "\n"}, short, dropped) == []
    assert dropped == {"longer than the model's context": 1} or sum(dropped.values()) == 1
    typed = replace(one, spec="")
    assert slip_rows({one.id: typed}, [solved(one, ("wrong", "x"))], ENGINE, 1, dropped) == []
    assert any("nobody knows" in reason for reason in dropped)


def test_a_teacher_s_right_transitions_are_learnt_as_they_are() -> None:
    typed, dropped = replace(example(), spec=""), Counter[str]()
    longer = "\n".join([GOLD[0], *GOLD])
    texts = [("wrong", "\n".join(WRONG)), ("right", longer), ("right", "\n".join(GOLD)), ("right", "The answer is 35.")]
    [row] = taught_rows({typed.id: typed}, [solved(typed, *texts)], ENGINE, dropped)
    assert row["completion"] == "\n".join(GOLD) and row["kind"] == "plain" and row["difficulty"] == 5
    illegal = [("right", "\n".join([GOLD[4], GOLD[3]]))]
    assert taught_rows({typed.id: typed}, [solved(typed, *illegal), solved(typed)], ENGINE, dropped) == []
    assert dropped == {"right, but not legal state transitions": 1, "no right solution was sampled": 1}
    assert taught_rows({typed.id: example()}, [solved(typed, *texts)], ENGINE, dropped) == []  # it has its gold


def test_parts_are_ordered_from_easy_to_hard_and_nothing_is_lost() -> None:
    rows: list[Any] = [{"difficulty": number % 6, "prompt": str(number)} for number in range(12)]
    parts = [[row["difficulty"] for row in part] for part in ordered(rows, 3)]
    assert parts == [[0, 1], [0, 2, 3], [1, 2, 3, 4, 4, 5, 5]]  # bands 0-1, 2-3 and 4-5: easy ones are met again
    assert sorted(row["prompt"] for part in ordered(rows, 3) for row in part) == sorted(row["prompt"] for row in rows)
    assert ordered(rows[:1], 3) == [rows[:1]]


def test_pairs_of_sampled_paths_exactly() -> None:
    one, dropped = example(), Counter[str]()
    alarm = [*GOLD[:3], f"Verify: {CAL} wrong", "Backtrack: to state 2", *GOLD[2:]]
    seen = [*WRONG[:3], f"Verify: {CAL} wrong", *WRONG[3:]]
    texts = [("wrong", WRONG), ("right", GOLD), ("right", alarm), ("wrong", seen), ("wrong", WRONG[:3])]
    samples = solved(one, *((status, "\n".join(lines)) for status, lines in texts))
    missed, careful = sampled_pairs({one.id: one}, [samples], ENGINE, 4, dropped)
    assert missed.prompt == samples.prompt + "\n".join(WRONG[:3]) + "\n"
    assert (missed.chosen, missed.rejected) == ("\n".join(REPAIRED), "\n".join(WRONG[3:]))
    assert (missed.by, missed.step, missed.is_whole) == ("oracle, missed slip", 2, True)
    assert careful.rejected == "\n".join(alarm[3:]) and careful.by == "oracle, false alarm"
    assert careful.chosen.startswith(f"Verify: {CAL} right\n{GOLD[3]}")
    assert dropped == {
        "its answer is right, and it calls nothing right wrong": 1,
        "nothing follows the slip: there is nothing to reject": 1,
        "it sees the slip itself, and goes wrong later": 1,
    }


def test_a_person_s_pair_becomes_one_of_going_back() -> None:
    of = hand_made()
    wrong = trace(of, "Formalize: find Ben's coins\nSolve Parent: Ben's coins = 3 + 2 = 6\nSummarize: the answer is 6")
    right = "Solve Parent: Ben's coins = 3 + 2 = 5\nSummarize: the answer is 5"
    prompt = wrong.prompt + "Formalize: find Ben's coins\n"
    pair = Pair("p", of.id, wrong.id, 1, prompt, right, wrong.steps[1].text, "person", "ada", "remainder")
    dropped = Counter[str]()
    [made] = corrected_pairs([pair, replace(pair, trace_id="gone")], {wrong.id: wrong}, ENGINE, dropped)
    assert made.prompt == prompt + "Solve Parent: Ben's coins = 3 + 2 = 6\n"
    assert made.chosen == f"Verify: wrong\n{backtrack_line(1)}\n{right}"
    assert made.rejected == "Summarize: the answer is 6" and made.origin == "person" and made.id != pair.id
    assert dropped == {"its trace is no longer in the store": 1}
    bare = replace(pair, chosen="Solve Parent: Ben's coins = 3 + 2 = 5\n", is_whole=False, chosen_from="correction")
    [made] = corrected_pairs([bare], {wrong.id: wrong}, ENGINE, dropped)
    assert made.chosen.endswith("= 5\n") and not made.is_whole


def test_pairs_that_are_no_transitions_are_dropped_in_words() -> None:
    of = hand_made()
    words = trace(of, "Ben has 3 + 2 = 6 coins.\nThe answer is 6.", form="cot")
    pair = Pair(
        "p", of.id, words.id, 0, words.prompt, "Ben has 5.", "Ben has 6.", "person", "a", "solution", format="cot"
    )
    dropped = Counter[str]()
    assert corrected_pairs([pair], {words.id: words}, ENGINE, dropped) == []
    assert dropped == {"it is not written as state transitions": 1}


# ── words ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_new_words_are_added_and_what_was_known_stays(tmp_path: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    source = small_solver(tmp_path / "old", words="")
    added = with_words(Solver(source), WORDS, tmp_path / "new")
    assert sorted(added) == ["Backtrack", "Verify", "right", "state", "wrong"]
    old, new = (AutoTokenizer.from_pretrained(folder) for folder in (source, str(tmp_path / "new")))
    line = "Verify: Ana has 41 coins. wrong"
    assert "[UNK]" in old.decode(old(line)["input_ids"]) and new.decode(new(line)["input_ids"]) == line
    text = torch.tensor([old("Ana has 41 coins.")["input_ids"]])
    models = [AutoModelForCausalLM.from_pretrained(folder, dtype="float32") for folder in (source, tmp_path / "new")]
    before, after = (model(text).logits for model in models)
    assert torch.allclose(before, after[..., : before.shape[-1]], atol=1e-5)
    config = json.loads((tmp_path / "new" / "config.json").read_text())
    assert config["first_pit"]["formats"] and config["dtype"] == "bfloat16" and config["vocab_size"] % 64 == 0


# ── the whole line ───────────────────────────────────────────────────────────────────────────────────────────────────


def write(question: str, tag: str, seed: int) -> str:
    """The gold solution with a slip in every second sample; greedily right."""
    problem = KNOWN.get(question)
    if problem is None:
        return "nonsense"
    lines = problem.solution.split("\n")
    if seed % 2:
        lines = [*_slipped(lines, len(lines) - 2)[:-1], "Summarize: the answer is 1"]
    return "\n".join(lines)


KNOWN = {problem.question: problem for problem in (*problem_set("easy", 8, 61), *problem_set("easy", 4, 62))}


def test_a_whole_tiny_line_from_problems_to_report_and_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (kwai_star, parts):
        monkeypatch.setattr(module, "engine_of", lambda solver, server="": Writer(write))
    settings = replace(
        kwai_star.PRESETS["tiny"], model=small_solver(tmp_path / "solver"), out=str(tmp_path / "run"),
        problems="built-in:easy:8:61", held_out="built-in:easy:4:62",
    )  # fmt: skip
    report = kwai_star.run(settings)
    rows = {row["stage"]: row for row in json.loads(report.read_text())["rows"]}
    assert list(rows) == ["base", "sft", "fundamental", "kwai-star"] and rows["base"]["accuracy"] == 1.0
    run = tmp_path / "run"
    made = read_stage(run / "seed-0" / "rows", "rows")
    assert made is not None and made.tally.facts["right"] == 8 and made.tally.facts["slips"] == 8
    first = [json.loads(line)["difficulty"] for line in (run / "seed-0/rows/part-1.jsonl").read_text().splitlines()]
    second = [json.loads(line)["difficulty"] for line in (run / "seed-0/rows/part-2.jsonl").read_text().splitlines()]
    assert max(first) <= max(second) and len(first) < len(second)
    pairs = read_stage(run / "seed-0" / "pairs", "pairs")
    assert pairs is not None and pairs.tally.rows_out == 8
    assert (run / "seed-0/kwai-star/adapter/adapter_config.json").is_file() and (run / "figures.json").is_file()
    before = (run / "events.jsonl").read_text().count('"kind": "stage"')
    assert kwai_star.run(settings) == report
    assert (run / "events.jsonl").read_text().count('"kind": "stage"') == before  # nothing was done again
    with pytest.raises(RunError, match="other settings"):
        kwai_star.run(replace(settings, most_slips=9))


def test_pairs_of_explored_pits_and_then_of_that_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (kwai_star, parts):
        monkeypatch.setattr(module, "engine_of", lambda solver, server="": Writer(write))
    untrained(monkeypatch, kwai_star)
    settings = replace(
        kwai_star.PRESETS["tiny"], out=str(tmp_path / "explored"), problems="built-in:easy:8:61", source="explore",
        held_out="built-in:easy:4:62", k=2,
    )  # fmt: skip
    kwai_star.run(settings)
    folder = tmp_path / "explored/seed-0/pairs"
    pairs = read_pairs(folder / "pairs.jsonl")
    assert len(pairs) == 8 and {pair.origin for pair in pairs} == {"machine"}
    for pair in pairs:
        assert "\nBacktrack: to state " in pair.chosen and pair.chosen.startswith("Verify: wrong\n")
        assert pair.rejected == "Summarize: the answer is 1"
        assert pair.chosen.endswith(next(p.solution for p in KNOWN.values() if p.id == pair.problem_id).split("\n")[-1])
    settings = replace(
        settings, out=str(tmp_path / "stored"), source="store", store=str(folder / "explored.sqlite"), most_slips=1
    )
    kwai_star.run(settings)
    assert [pair.chosen for pair in read_pairs(tmp_path / "stored/seed-0/pairs/pairs.jsonl")] == [
        p.chosen for p in pairs
    ]
    made = read_stage(tmp_path / "stored/seed-0/rows", "rows")
    assert made is not None and made.tally.facts["slips"] == 16  # the oracle's and the store's
    with pytest.raises(RunError, match="no store"):
        kwai_star.run(replace(settings, out=str(tmp_path / "none"), store=str(tmp_path / "none.sqlite")))


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"source": "guess"}, "--source"),
        ({"source": "store"}, "--store"),
        ({"bands": 0}, "--bands"),
        ({"sft_epochs": float("nan")}, "--sft-epochs"),
        ({"seeds": (0, 0)}, "--seeds"),
        ({"alarms": "perhaps"}, "--alarms"),
        ({"out": ""}, "--out"),
        ({"problems": " , "}, "--problems"),
        ({"problems": "built-in:absurd:3:1"}, "absurd"),
        ({"problems": "/nowhere/<script>.jsonl"}, "nowhere"),
    ],
)
def test_what_cannot_be_meant_is_said_in_words(changed: dict[str, Any], words: str, tmp_path: Path) -> None:
    settings = replace(kwai_star.PRESETS["tiny"], **{"out": str(tmp_path / "run"), **changed})
    with pytest.raises(BadInput, match=words):
        kwai_star.run(settings)
