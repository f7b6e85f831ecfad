"""The pieces of Self-Explore on data made by hand: which rows come out, and why the others do not."""

import json
from collections import Counter
from pathlib import Path

import pytest

from reasoner.engines.scripted import ScriptedEngine
from reasoner.errors import BadInput, EngineError, RunError
from reasoner.formats import FORMATS
from reasoner.records import Maker, Pair, Pit, Probe, Problem, Sampling, Trace, make_problem
from reasoner.scale.rows import Explored
from tests.training_help import QUESTION
from training.recipes import sampling
from training.recipes.controls import drawn, with_same_solutions
from training.recipes.golds import gold_rows
from training.recipes.granular import (
    ALREADY,
    BEGINS,
    NO_PIT,
    NONE_LEFT,
    NOTHING_RIGHT,
    ON_CONCLUSION,
    TOO_LONG,
    Builder,
    as_chosen,
)
from training.recipes.outcome import outcome_pairs, trace_of_sample, trained_on
from training.recipes.pits import How, explore_into_folder, explored_in
from training.recipes.problems import held_out_spec, read_problems, read_source, split
from training.recipes.rft import equations_of, rft_rows
from training.recipes.sampling import Sample, Solved, count, fitting, read_samples, sample_into
from training.recipes.trainers import epochs_for, num_updates
from training.wordproblems import generate

COT = FORMATS["cot"]
MAKER = Maker("local", "tiny", temperature=0.7)
PROMPT = "Tom earns 600 and 400. How much?\n"
PROBLEM = make_problem(PROMPT.strip(), "1,000", "gsm8k")


def sample(text: str, status: str = "right", seed: int = 0, times: int = 1) -> Sample:
    return Sample(text, seed, times, text.split()[-1].strip("."), status)


def solved(*samples: Sample) -> Solved:
    return Solved(PROBLEM.id, PROMPT, samples)


# ── sampling ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def write_samples(path: Path, script: dict[str, list[str]], problems: list[Problem], num: int = 4) -> ScriptedEngine:
    engine = ScriptedEngine(script)
    prompts, _ = fitting(engine, problems, COT)
    sample_into(path, engine, problems, prompts, COT, Sampling(num, 0.7, stop=COT.stop))
    return engine


def test_a_sample_is_right_wrong_without_an_answer_or_not_judged(tmp_path: Path) -> None:
    texts = [
        "600 + 400 = 1000.\nThe answer is 1000.",
        "The answer is 900.",
        "I do not know.",
        "The answer is blue sky.",
    ]
    write_samples(tmp_path / "s.jsonl", {PROMPT: texts}, [PROBLEM])
    [found] = read_samples(tmp_path / "s.jsonl")
    assert [one.status for one in found.samples] == ["right", "wrong", "no answer", "not judged"]  # 1,000 is 1000
    assert [one.text for one in found.of("wrong")] == ["The answer is 900."]


def test_the_same_text_is_one_sample_with_its_times(tmp_path: Path) -> None:
    write_samples(tmp_path / "s.jsonl", {PROMPT: ["The answer is 1000.", "The answer is 7."]}, [PROBLEM])
    [found] = read_samples(tmp_path / "s.jsonl")
    assert [(one.text, one.seed, one.times) for one in found.samples] == [
        ("The answer is 1000.", 0, 2),
        ("The answer is 7.", 1, 2),
    ]
    assert count(tmp_path / "s.jsonl") == {"right": 2, "wrong": 2, "right, different": 1, "wrong, different": 1}


def test_a_solution_cut_at_the_limit_of_tokens_is_never_wrong(tmp_path: Path) -> None:
    engine = ScriptedEngine({PROMPT: ["600 and then 7 8 9 10"]})
    sample_into(tmp_path / "s", engine, [PROBLEM], {PROBLEM.id: PROMPT}, COT, Sampling(1, 0.7, max_new_tokens=4))
    [found] = read_samples(tmp_path / "s")
    assert found.samples[0].status == "no answer"


def numbered(num: int) -> tuple[list[Problem], dict[str, list[str]]]:
    problems = [make_problem(f"What is {number} + 1?", str(number + 1), "made") for number in range(num)]
    script = {
        f"{of.question}\n": [f"The answer is {of.answer}.", "The answer is 99.", "The answer is 98."] for of in problems
    }
    return problems, script


@pytest.mark.parametrize("cut", [1, 40, 200])
def test_sampling_goes_on_after_a_kill_without_repeating_or_losing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cut: int
) -> None:
    monkeypatch.setattr(sampling, "TOGETHER", 8)  # two problems a call
    problems, script = numbered(7)
    write_samples(tmp_path / "whole", script, problems)
    asked: list[str] = []

    class Dies(ScriptedEngine):
        def complete(self, prompts, sampling):  # type: ignore[no-untyped-def]
            asked.extend(prompts)
            if len(asked) == 4:
                raise EngineError("killed")
            return super().complete(prompts, sampling)

    engine = Dies(script)
    prompts, _ = fitting(engine, problems, COT)
    path, four = tmp_path / "cut", Sampling(4, 0.7, stop=COT.stop)
    with pytest.raises(EngineError):
        sample_into(path, engine, problems, prompts, COT, four)
    path.write_bytes(path.read_bytes()[:-cut])  # a torn last line, or a line and more
    kept = len(list(read_samples(path)))
    asked.clear()
    sample_into(path, engine, problems, prompts, COT, four)
    assert path.read_bytes() == (tmp_path / "whole").read_bytes()
    assert len(asked) == len(problems) - kept
    sample_into(path, engine, problems, prompts, COT, four)
    assert len(asked) == len(problems) - kept  # whole: nothing is asked


def test_samples_of_other_problems_are_refused(tmp_path: Path) -> None:
    problems, script = numbered(3)
    engine = write_samples(tmp_path / "s", script, problems)
    prompts, _ = fitting(engine, problems, COT)
    with pytest.raises(RunError, match="samples of other problems"):
        sample_into(tmp_path / "s", engine, problems[1:], prompts, COT, Sampling(4, 0.7))


# ── the RFT set ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_gsm8k_rule_one_solution_for_each_list_of_equations_all_of_which_hold() -> None:
    rows = [
        sample("600 + 400 = <<600+400=1000>>1000.\nThe answer is 1000."),
        sample("He has 600+400=<<600 + 400=1000>>1000.\nThe answer is 1000.", seed=1),  # the same equations
        sample("400 + 600 = <<400+600=1000>>1000.\nThe answer is 1000.", seed=2),
        sample("600 + 400 = <<600+400=1001>>1000.\nThe answer is 1000.", seed=3),  # does not hold
        sample("2000 / 2 = <<2000/2=1000.0004>>1000.\nThe answer is 1000.", seed=4),  # holds within 1e-3
        sample("<<open('x')=1>>\nThe answer is 1000.", seed=5),  # is read, never run
        sample("The answer is 7.", "wrong"),
        sample("Hm.", "no answer"),
        sample("The answer is blue.", "not judged"),
    ]
    dropped: Counter[str] = Counter()
    found = rft_rows(solved(*rows), "gsm8k", 0, dropped)
    assert [row["completion"] for row in found] == [rows[0].text, rows[2].text, rows[4].text]
    assert {row["prompt"] for row in found} == {PROMPT}
    assert +dropped == {
        "right, but with the same equations as another": 1,
        "right, but one of its equations is wrong": 2,
        "its answer is wrong": 1,
        "no answer": 1,
        "not judged": 1,
    }


def test_of_two_with_the_same_equations_the_one_farther_from_the_others_is_kept() -> None:
    other = sample("400 + 600 = <<400+600=1000>>1000.")
    near = sample("600 + 400 = <<600+400=1000>>1000.", seed=1)
    far = sample("Altogether Tom has got, and that is all of it, <<600+400=1000>>1000.", seed=2)
    for order in ([other, near, far], [other, far, near]):
        assert {row["completion"] for row in rft_rows(solved(*order), "gsm8k", 0, Counter())} == {other.text, far.text}


def test_without_marks_the_equations_of_the_text_count() -> None:
    assert equations_of("Ben's coins = 3 + 2 = 5\nThe answer is 5.") == ["3 + 2 = 5"]
    assert equations_of("Ben's coins = 3 + 2 = 6\nThe answer is 5.") is None
    words = [sample("It is a thousand, so 1000."), sample("One can see that it is 1000.", seed=1)]
    assert len(rft_rows(solved(*words), "gsm8k", 0, Counter())) == 2  # no equation at all: each is itself


def test_at_most_eight_of_a_problem() -> None:
    rows = [sample(f"{n} + {1000 - n} = <<{n}+{1000 - n}=1000>>1000.", seed=n) for n in range(1, 12)]
    dropped: Counter[str] = Counter()
    assert len(rft_rows(solved(*rows), "gsm8k", 0, dropped)) == 8
    assert +dropped == {"over 8 of a problem": 3}


def test_math_rule_keeps_what_is_apart() -> None:
    rows = [sample("abcdefghij"), sample("abcdefghiX", seed=1), sample("0123456789", seed=2)]
    dropped: Counter[str] = Counter()
    found = {row["completion"] for row in rft_rows(solved(*rows), "math", 0, dropped)}
    assert len(found) == 2 and "0123456789" in found
    assert dropped["right, but nearly the same as another"] == 1


# ── outcome pairs ────────────────────────────────────────────────────────────────────────────────────────────────────


def pairs_of(of: Solved, chosen: list[str], rule: str) -> tuple[list[tuple[str, str]], Counter[str]]:
    dropped: Counter[str] = Counter()
    rows = [{"prompt": PROMPT, "completion": text} for text in chosen]
    found = outcome_pairs(PROBLEM, of, rows, rule, "cot", MAKER, dropped)
    assert all(pair.trace_id == trace.id and pair.rejected == trace.text for pair, trace in found)
    return [(pair.chosen, pair.rejected) for pair, _ in found], dropped


def test_gsm8k_pairs_each_right_solution_with_the_farthest_wrong_one_once() -> None:
    of = solved(sample("aaaa", "wrong", 1), sample("aabb", "wrong", 2), sample("zzzzzzzz", "not judged", 3))
    found, dropped = pairs_of(of, ["aaaa!", "aabb!", "aaab!"], "gsm8k")
    assert found == [("aaaa!", "aabb"), ("aabb!", "aaaa")]  # the unjudged one, farther than both, is never wrong
    assert dropped == {"no wrong sample left": 1}
    assert pairs_of(solved(), ["a"], "gsm8k") == ([], {"no wrong sample": 1})


def test_math_takes_the_shortest_wrong_one_that_is_far_enough() -> None:
    wrong = [sample("zzzzzzzzzzzzzzzz", "wrong", 1), sample("yyyyyyyyyyyy", "wrong", 2), sample("aaa", "wrong", 3)]
    found, _ = pairs_of(solved(*wrong), ["aaaa", "aaaa "], "math")
    assert [rejected for _, rejected in found] == ["yyyyyyyyyyyy", "zzzzzzzzzzzzzzzz"]


def test_the_line_of_the_answer_is_cut_off_a_rejected_of_several_lines() -> None:
    of = solved(sample("600 + 400 = 900.\nThe answer is 900.", "wrong"), sample("The answer is 8.", "wrong", 1))
    found = outcome_pairs(PROBLEM, of, [{"prompt": PROMPT, "completion": "x"}] * 2, "gsm8k", "cot", MAKER, Counter())
    assert [cut.rejected for pair, _ in found if (cut := trained_on(pair))] == ["600 + 400 = 900.", "The answer is 8."]
    assert all(cut.is_whole for pair, _ in found if (cut := trained_on(pair)))  # EOS after chosen, as ever


# ── granular pairs ───────────────────────────────────────────────────────────────────────────────────────────────────

STEPS = ["Tom earns 600.", "He has 600 + 400 = 900.", "The answer is 900."]
RIGHT = "Both: 600 + 400 = 1000.\nThe answer is 1000."
WAYS = ["That is 600 + 400 = 1000, of course.\nThe answer is 1000.", "600 + 400 = 1000.\nThe answer is 1,000.", "No."]


def wrong(steps: list[str] = STEPS, seed: int = 0) -> tuple[Trace, Pair]:
    of = solved(sample("\n".join(steps), "wrong", seed))
    [(pair, trace)] = outcome_pairs(PROBLEM, of, [{"prompt": PROMPT, "completion": RIGHT}], "gsm8k", "cot", MAKER,
                                    Counter())  # fmt: skip
    return trace, pair


def explored(trace: Trace, step: int | None, ways: list[str], method: str = "linear") -> Explored:
    at = 0 if step is None else step - 1
    probe = Probe(at, tuple(ways), tuple("1000." in way or "1,000." in way for way in ways), 9, "…")
    return Explored(PROBLEM, trace, Pit("pit", trace.id, PROBLEM.id, step, method, 4, (probe,), MAKER))


def built(*rows: tuple[Explored, Pair], chosen: str = "remainder", **more: object) -> Builder:
    builder = Builder(chosen, ScriptedEngine({}), **({"max_length": 100} | more))  # type: ignore[arg-type]
    for one, outcome in rows:
        builder.add(one, outcome)
    return builder


def test_the_pit_step_alone_against_the_shortest_right_remainder() -> None:
    trace, pair = wrong()
    [found] = built((explored(trace, 1, WAYS), pair)).pairs
    assert (found.prompt, found.rejected, found.chosen) == (PROMPT + "Tom earns 600.\n", STEPS[1] + "\n", WAYS[1])
    assert (found.step, found.is_whole, found.chosen_from, found.by) == (1, True, "remainder", "linear")


def test_a_pit_at_the_first_step_takes_the_rows_own_right_solution() -> None:
    trace, pair = wrong()
    [found] = built((explored(trace, 0, []), pair)).pairs
    assert (found.prompt, found.rejected, found.chosen, found.chosen_from) == (
        PROMPT, STEPS[0] + "\n", RIGHT, "solution",
    )  # fmt: skip


def test_each_drop_has_its_reason() -> None:
    trace, pair = wrong()
    cases = {
        NO_PIT: explored(trace, None, []),
        ON_CONCLUSION: explored(trace, 2, WAYS),  # the paper's code makes an empty rejected of it
        NOTHING_RIGHT: explored(trace, 1, ["No."]),
    }
    for reason, one in cases.items():
        assert built((one, pair)).dropped == {reason: 1}
    assert built((explored(trace, 1, WAYS), pair), max_length=10).dropped == {TOO_LONG: 1}
    oracle = built((explored(trace, None, [], "oracle"), pair)).dropped
    assert "the oracle finds no untrue step" in next(iter(oracle))


def test_a_remainder_serves_once_a_question_and_a_text_is_kept_once() -> None:
    (one, first), (two, second) = wrong(), wrong(["Tom earns 600.", "He has 6.", "The answer is 6."], 1)
    (three, third), (four, fourth) = (
        wrong([*STEPS[:2], "So 900.", "The answer is 900."], 2),
        wrong(["Tom earns 600.", "He has 7.", "The answer is 7."], 3),
    )
    builder = built(
        (explored(one, 1, WAYS), first),
        (explored(two, 1, WAYS), second),  # takes the next shortest
        (explored(three, 1, [*WAYS, "Add: 1000.\nThe answer is 1000."]), third),  # rejects what one rejects
        (explored(four, 1, WAYS), fourth),  # none is left
    )
    assert [pair.chosen for pair in builder.pairs] == [WAYS[1], WAYS[0]]
    assert builder.dropped == {ALREADY: 1, NONE_LEFT: 1}


def test_a_chosen_that_begins_with_the_pit_itself_is_passed_over_where_that_is_asked() -> None:
    trace, pair = wrong()
    same = [STEPS[1] + "\nNo, 1000.\nThe answer is 1000."]
    assert built((explored(trace, 1, same), pair)).pairs[0].chosen == same[0]  # as the paper's code
    assert built((explored(trace, 1, same), pair), differs=True).dropped == {BEGINS: 1}
    assert built((explored(trace, 1, same + WAYS), pair), differs=True).pairs[0].chosen == WAYS[1]


def test_step_dpo_takes_the_first_step_alone_without_eos() -> None:
    trace, pair = wrong()
    [found] = built((explored(trace, 1, WAYS), pair), chosen="step").pairs
    assert (found.chosen, found.is_whole) == ("600 + 400 = 1000.\n", False)
    assert as_chosen(found, "remainder") == found


def test_outcome_pairs_of_the_same_solutions_and_number() -> None:
    (one, first), (_, second) = wrong(), wrong(["x", "The answer is 6."], 1)
    granular = built((explored(one, 1, WAYS), first)).pairs
    dropped: Counter[str] = Counter()
    [kept] = with_same_solutions([first, second], granular, dropped)
    assert kept.trace_id == first.trace_id and kept.rejected == "\n".join(STEPS[:2])
    assert dropped == {"its wrong solution gave no granular pair": 1}
    assert drawn([first, second], 0, 0, Counter()) == [first, second]
    assert len(drawn([first, second], 1, 0, dropped)) == 1


# ── pits ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def of_generated() -> tuple[Problem, Trace, ScriptedEngine]:
    """A generated problem, its gold solution with one number changed, and an engine that knows the gold one."""
    problem = generate("easy", 4)
    prompt = problem.question + "\n"
    lines = problem.solution.split("\n")
    assert lines[2].startswith("Solve Subquestion")
    text = "\n".join([*lines[:2], lines[2] + "1", *lines[3:-1], lines[-1] + "1"])
    trace = trace_of_sample(
        problem, Solved(problem.id, prompt, ()), Sample(text, 3, 1, "0", "wrong"), "transitions", MAKER
    )
    return problem, trace, ScriptedEngine({prompt: [problem.solution, text]})


@pytest.mark.parametrize(("pits", "step"), [("linear", 2), ("adaptive", 2), ("oracle", 2)])
def test_the_pit_is_where_the_solution_goes_wrong(tmp_path: Path, pits: str, step: int) -> None:
    problem, trace, engine = of_generated()
    how = How(pits, 4, 0.7, 0, "script")
    explore_into_folder(tmp_path / pits, engine, [(trace, problem)], how, lambda done, total: None, {})
    [found] = explored_in(tmp_path / pits).values()
    assert found.pit.step == step and found.trace == trace
    assert any(problem.solution.endswith(text) for probe in found.pit.probes if probe.step == step - 1
               for text in probe.completions)  # fmt: skip


def test_a_random_step_is_drawn_again_where_nothing_right_goes_on(tmp_path: Path) -> None:
    problem, trace, engine = of_generated()
    seen = set()
    for seed in range(12):
        how, folder = How("random", 2, 0.7, seed, "script", differs=True), tmp_path / str(seed)
        explore_into_folder(folder, engine, [(trace, problem)], how, lambda done, total: None,
                            {trace.id: problem.solution})  # fmt: skip
        [found] = explored_in(folder).values()
        seen.add(found.pit.step)
    assert seen == {2}  # before it both go on alike, after it nothing right does
    how = How("random", 2, 0.7, 0, "script")
    steps = set()
    for seed in range(12):
        folder = tmp_path / f"any-{seed}"
        explore_into_folder(folder, engine, [(trace, problem)], How("random", 2, 0.7, seed, "script"),
                            lambda done, total: None, {trace.id: problem.solution})  # fmt: skip
        [found] = explored_in(folder).values()
        steps.add(found.pit.step)
    assert steps == {0, 1, 2}


def test_chosen_pits_are_kept_one_by_one_and_never_looked_for_twice(tmp_path: Path) -> None:
    problem, trace, engine = of_generated()
    rows, how = [(trace, problem)], How("oracle", 4, 0.7, 0, "script")
    explore_into_folder(tmp_path, engine, rows, how, lambda done, total: None, {})

    def never(prompt: str, seed: int) -> str:
        raise AssertionError("asked again")

    counts = explore_into_folder(tmp_path, ScriptedEngine(never), rows, how, lambda done, total: None, {})
    assert counts.explored == 1


# ── problems, gold solutions, updates ────────────────────────────────────────────────────────────────────────────────


def test_gsm8ks_gold_solution_becomes_what_the_model_is_asked_to_write() -> None:
    good = make_problem("How many clips?", "72", "gsm8k", solution="48/2 = <<48/2=24>>24\n48+24 = 72\n#### 72")
    bad = make_problem("And these?", "73", "gsm8k", solution="so\n#### 72")
    none = make_problem("And those?", "3", "gsm8k")
    engine, dropped = ScriptedEngine({}), Counter[str]()
    prompts, _ = fitting(engine, [good, bad, none], COT)
    [row] = gold_rows([good, bad, none], prompts, engine, "cot", dropped)
    assert row["completion"].endswith("48+24 = 72\nThe answer is 72")
    assert dropped == {"the gold solution does not end in the gold answer": 1, "no gold solution": 1}
    made = generate("easy", 4)
    [row] = gold_rows([made], {made.id: "Q\n"}, engine, "cot", dropped)
    assert "The answer is" in row["completion"] and "Summarize" not in row["completion"]


def test_problems_are_read_once_each_and_bad_lines_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    row = json.dumps({"question": QUESTION, "answer": "5"})
    path.write_text(f"{row}\n{row}\n{{\n[1]\n" + json.dumps({"question": " ", "answer": "5"}) + "\n")
    found = read_source(str(path))
    assert (len(found.problems), found.rows) == (1, 5)
    assert sum(found.dropped.values()) == 4 and "the same question again" in found.dropped
    path.write_text('{"a": 1}\n')
    with pytest.raises(BadInput, match="no problem that can be used"):
        read_problems(str(path))
    with pytest.raises(BadInput, match="There is no file"):
        read_problems(str(tmp_path / "none.jsonl"))


@pytest.mark.parametrize("spec", ["built-in:simple:9:1", "built-in:easy", "built-in:easy:0:1", "built-in:easy:x:1"])
def test_a_slip_in_the_name_of_generated_problems_is_told(spec: str) -> None:
    with pytest.raises(BadInput, match="built-in:easy:1000:5"):
        read_problems(spec)


def test_what_is_learnt_from_is_not_measured_on() -> None:
    problems = read_problems("built-in:easy:6:5")
    unknown = make_problem("?", None, "typed")
    learn, measure, dropped = split([*problems[:4], unknown], [*problems[2:], unknown])
    assert (learn, measure) == (problems[:4], problems[4:])
    assert dropped == {"to learn from: no gold answer": 1, "held out: it is learnt from": 2,
                       "held out: no gold answer": 1}  # fmt: skip
    assert held_out_spec("", "built-in:hard:9:1") == "built-in:hard:1000:9003"
    with pytest.raises(BadInput, match="--held-out"):
        held_out_spec("", "train.jsonl")


@pytest.mark.parametrize(("updates", "rows", "batch"), [(1, 1, 8), (92, 8, 3), (7, 100, 32), (313, 997, 16)])
def test_more_sft_takes_just_so_many_updates(updates: int, rows: int, batch: int) -> None:
    assert num_updates(rows, batch, epochs_for(updates, rows, batch)) == updates
