"""A value model on tiny random solvers: what it learns from, what it learns and saves, and what is said otherwise."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reasoner.engines.scripted import ScriptedEngine
from reasoner.errors import BadInput, EngineError, RunError
from reasoner.records import Label, Problem, Step, Trace, Verdict, make_trace
from reasoner.store import Store
from tests.tiny_model import make_model
from tests.training_help import MAKER, RIGHT, WRONG, problem, tiny_solver, trace
from training import value
from training.progress import read_events
from training.value_model import load_value_model
from training.value_net import encode, pad
from training.value_report import Scored, auc, judge_scores, read_value_report
from training.value_rows import Solution, ValueRow, collect_rows, solution_of, split_by_problem

NUM = 24  # problems of the separable toy
OTHER = "Formalize: find Ben's coins\nVerify: coins * coins / coins\nDecompose: coins * coins"


@pytest.fixture(scope="module")
def solver(tmp_path_factory: pytest.TempPathFactory) -> str:
    return tiny_solver(tmp_path_factory.mktemp("solver"))


def written(of: Problem, text: str, seed: int, is_right: bool) -> Trace:
    """A trace whose outcome is as told, whatever it says."""
    made = trace(of, text, seed)
    return replace(made, verdict=Verdict("right" if is_right else "wrong", made.answer))


def toy(path: Path, num: int = NUM) -> str:
    """A store whose wrong solutions use other words from their second step on: a head can tell them apart."""
    with Store(path) as store:
        for number in range(2, 2 + num):
            of = problem(number)
            good = [written(of, RIGHT.replace("is 5", f"is {digit}"), digit, True) for digit in (3, 4)]
            bad = [written(of, f"{OTHER} {digit}", digit, False) for digit in (3, 4)]
            store.add_rows([(of, [*good, *bad], ())])
    return str(path)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    return toy(tmp_path_factory.mktemp("store") / "toy.sqlite")


@pytest.fixture
def args(solver: str, store: str, tmp_path: Path) -> value.Args:
    return value.Args(
        out=str(tmp_path / "value-1"), store=store, model=solver, batch=16, epochs=4, learning_rate=1e-2, head_rate=5e-2
    )


@pytest.fixture(scope="module")
def trained(solver: str, store: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of a value model trained on the toy."""
    out = tmp_path_factory.mktemp("trained") / "value-toy"
    value.run(
        value.Args(str(out), store, solver, batch=16, epochs=6, learning_rate=1e-2, head_rate=5e-2, held_out=0.25)
    )
    return out


def weights_of(folder: Path, name: str = "adapter_model.safetensors") -> dict[str, Any]:
    from safetensors.torch import load_file

    return load_file(folder / name)


# ── what is learnt ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_separable_toy_is_learnt_and_the_report_says_so(trained: Path) -> None:
    report = read_value_report(trained / value.REPORT)
    assert report.auc is not None and report.auc.value == 1.0
    assert report.auc_within is not None and report.auc_within.value == 1.0
    assert report.brier < 0.1 < report.base_brier == 0.25
    assert (report.num_problems, report.num_right, report.num_wrong) == (6, 12, 12)
    assert (report.num_trained, report.train_right) == (72, 36)
    assert "AUC 1.000 (95 % interval 1.000 to 1.000)" in report.sentence()


def test_the_score_falls_where_the_trace_goes_wrong(trained: Path, store: str) -> None:
    model = load_value_model(trained)
    with Store(store) as opened:
        of = problem(2)
        right, *_, wrong = opened.traces(of.id)
    good, bad = (list(found.scores) for found in model.value_many([(right, of), (wrong, of)]))
    assert good[0] == pytest.approx(bad[0], abs=1e-6)  # the same first step
    assert good[1] > 0.8 and bad[1] < 0.2  # what was added or multiplied stands in step 1


def test_adapter_and_head_are_moved_and_the_solver_is_not(args: value.Args, solver: str) -> None:
    import torch

    before = weights_of(Path(solver), "model.safetensors")
    value.run(args)
    after = weights_of(Path(solver), "model.safetensors")
    assert all(torch.equal(before[name], after[name]) for name in before)
    moved = weights_of(Path(args.out) / "value")
    assert {name.split(".")[-1] for name in moved if "value_head" in name} == {"weight", "bias"}
    rest = {name: tensor for name, tensor in moved.items() if "value_head" not in name}
    assert rest and all(".lora_" in name for name in rest)
    assert all(tensor.abs().sum() > 0 for name, tensor in rest.items() if ".lora_B." in name)  # B begins at zero
    assert all(tensor.abs().sum() > 0 for name, tensor in moved.items() if "value_head" in name)


def test_the_same_seed_gives_the_same_model_and_another_seed_another(args: value.Args, tmp_path: Path) -> None:
    import torch

    runs = [replace(args, out=str(tmp_path / name / "same"), seed=seed, epochs=1) for name, seed in ("a0", "b0", "c1")
            for seed in [int(seed)]]  # fmt: skip
    first, second, third = (value.run(one) for one in runs)
    one, two, three = (weights_of(Path(run.out) / "value") for run in runs)
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert not all(torch.equal(one[name], three[name]) for name in one)
    assert replace(first, seconds=0) == replace(second, seconds=0)
    assert third.seed == 1


def test_what_is_saved_is_loaded_bit_for_bit(args: value.Args, store: str, solver: str) -> None:
    trainer_scores = []
    real = value.judge_rows

    def spy(model: Any, rows: Sequence[ValueRow], *rest: Any, **about: Any) -> Any:
        trainer_scores.append(model.score_solutions([row.solution for row in rows]))
        return real(model, rows, *rest, **about)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(value, "judge_rows", spy)
        value.run(args)
    again = load_value_model(args.out)
    with Store(store) as opened:
        rows, _ = collect_rows(opened, again.engine)
    _, held_out = split_by_problem(rows, args.held_out, args.seed)
    assert again.score_solutions([row.solution for row in held_out]) == trainer_scores[0]
    assert again.about.name == "value-1" and again.about.model == solver
    assert {file.suffix for file in (Path(args.out) / "value").iterdir()} <= {".safetensors", ".json", ".txt", ".md"}


def test_the_saved_weights_are_those_that_the_trainer_held(args: value.Args, solver: str, store: str) -> None:
    import torch

    from training.lora import adapter_weights

    held: list[dict[str, Any]] = []
    real = value.train_and_save

    def spy(args: Any, trainer: Any, *rest: Any, **more: Any) -> Any:
        done = real(args, trainer, *rest, **more)
        held.append(adapter_weights(trainer.model))
        return done

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(value, "train_and_save", spy)
        value.run(args)
    saved = weights_of(Path(args.out) / "value")
    loaded = adapter_weights(load_value_model(args.out).net)
    assert saved.keys() == held[0].keys() == loaded.keys()
    assert all(torch.equal(saved[name], held[0][name]) and torch.equal(saved[name], loaded[name]) for name in saved)


def test_every_step_is_an_event_and_the_loss_falls(trained: Path) -> None:
    steps = [event for event in read_events(trained / "events.jsonl") if event["kind"] == "train"]
    assert [event["step"] for event in steps] == list(range(1, 31))
    assert {"loss", "rate", "seconds_left", "total"} <= steps[0].keys()
    assert steps[-1]["loss"] < steps[0]["loss"] - 0.1


@pytest.mark.slow
def test_a_stopped_run_keeps_its_value_model_and_goes_on_from_its_checkpoint(args: value.Args) -> None:
    asked = iter([False, True, True, True, True])
    value.run(args, lambda: next(asked))
    assert load_value_model(args.out).about.target == "outcome"
    value.run(replace(args, resume=True))
    steps = [event["step"] for event in read_events(Path(args.out) / "events.jsonl") if event["kind"] == "train"]
    assert steps == list(range(1, 21))


@pytest.mark.parametrize("reads", ["hidden", "likelihood"])
@pytest.mark.parametrize("loss", ["mse", "bce"])
def test_either_loss_and_either_input_alone_trains(args: value.Args, reads: str, loss: str) -> None:
    report = value.run(replace(args, reads=reads, loss=loss, epochs=1))
    assert report.reads == reads
    scores = load_value_model(args.out).score_solutions([Solution("Ana has 3 coins.\n", RIGHT, (28, 70, len(RIGHT)))])
    assert len(scores[0]) == 3 and all(0 <= score <= 1 for score in scores[0])


@pytest.mark.parametrize("kind", ["llama", "gpt2", "mistral"])
def test_any_decoder_becomes_a_value_model(args: value.Args, tmp_path: Path, kind: str) -> None:
    model = make_model(tmp_path / kind, kind)
    report = value.run(replace(args, model=str(model), epochs=1))
    assert report.num_trained > 0 and report.model == str(model)


# ── which token is what ──────────────────────────────────────────────────────────────────────────────────────────────


def shown(tokenizer: Any, ids: Sequence[int]) -> str:
    return str(tokenizer.decode(ids)).replace("\n", "⏎")


def test_a_state_is_read_where_its_step_ends(solver: str) -> None:
    tokenizer = load_tokenizer(solver)
    text = "Formalize: find Ben's coins\nSummarize: the answer is 5"
    encoded = encode(tokenizer, Solution("Ana has 3 coins.\n", text, (28, len(text))))
    first, last = encoded.ends
    assert shown(tokenizer, encoded.ids[: first + 1]).endswith("coins⏎")
    assert encoded.ids[last] == tokenizer.eos_token_id and last == len(encoded.ids) - 1
    assert shown(tokenizer, encoded.ids[encoded.start :]).startswith("Formalize")
    assert encoded.steps == (0,) * (first + 1 - encoded.start) + (1,) * (last - first)


def load_tokenizer(folder: str) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder)


def test_neither_prompt_nor_padding_is_learnt_and_every_solution_weighs_what_it_counts(solver: str) -> None:
    import torch

    tokenizer = load_tokenizer(solver)
    long = encode(tokenizer, Solution("Ana has 3 coins.\n", RIGHT, (28, 70, len(RIGHT))))
    short = encode(tokenizer, Solution("Ana has 3 coins.\n", "the answer is 5", (15,)))
    examples = [
        value.Example(one, torch.zeros(len(one.ids), 2), targets, weight)
        for one, targets, weight in ((long, (1.0, 0.0, 0.0), 3.0), (short, (1.0,), 1.0))
    ]
    batch = value.collate(examples, tokenizer)
    assert batch["weights"].sum(1).tolist() == pytest.approx([3.0, 1.0])
    learnt = batch["weights"] > 0
    for number, one in enumerate((long, short)):
        assert learnt[number].nonzero().flatten().tolist() == list(range(one.start, len(one.ids)))
    assert batch["targets"][0, list(long.ends)].tolist() == [1.0, 0.0, 0.0]
    assert batch["attention_mask"].sum(1).tolist() == [len(long.ids), len(short.ids)]


def test_padding_changes_no_score(trained: Path) -> None:
    model = load_value_model(trained)
    solutions = [
        Solution("Ana has 3 coins.\n", RIGHT, (28, 70, len(RIGHT))),
        Solution("Ana has 3 coins.\n", "the answer is 5", (15,)),
    ]
    together = model.score_solutions(solutions)
    alone = [model.score_solutions([one])[0] for one in solutions]
    for one, two in zip(together, alone, strict=True):
        assert one == pytest.approx(two, abs=1e-5)


def test_the_likelihood_is_the_solvers_own_whatever_the_value_has_learnt(trained: Path, solver: str) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    model = load_value_model(trained)
    solution = Solution("Ana has 3 coins.\n", "the answer is 5", (15,))
    [(_, told)] = model.score_and_likelihood([solution])
    encoded = encode(model.engine.tokenizer, solution)
    own = AutoModelForCausalLM.from_pretrained(solver, dtype=torch.float32)
    with torch.no_grad():
        logits = own(**pad([encoded], model.engine.tokenizer)).logits[0].log_softmax(-1)
    each = [float(logits[place - 1, encoded.ids[place]]) for place in range(encoded.start, len(encoded.ids))]
    assert told == pytest.approx(float(torch.tensor(each).mean().exp()), rel=1e-4)


# ── rows of a store ──────────────────────────────────────────────────────────────────────────────────────────────────


class TestRows:
    """What a store gives to learn from, and why the rest is dropped."""

    engine = ScriptedEngine({}, name="tour")

    def rows(
        self, tmp_path: Path, traces: Sequence[Trace], labels: Sequence[Label] = (), target: str = "outcome"
    ) -> tuple[list[ValueRow], dict[str, int]]:
        with Store(tmp_path / "store.sqlite") as opened:
            opened.add_problems([problem(2), problem(3)])
            opened.add_traces(traces)
            for label in labels:
                opened.add_label(label)
            rows, counts = collect_rows(opened, self.engine, target)
            return rows, counts.dropped

    def label(self, of: Trace, kind: str, step: int | None = None, who: str = "ada") -> Label:
        return Label.of(of, kind=kind, annotator=who, step=step)  # type: ignore[arg-type]

    def test_every_step_carries_the_outcome(self, tmp_path: Path) -> None:
        rows, dropped = self.rows(tmp_path, [trace(problem(), RIGHT), trace(problem(), WRONG, 1)])
        assert [(row.targets, row.is_right) for row in rows] == [((1.0,) * 3, True), ((0.0,) * 3, False)]
        assert dropped == {}

    def test_a_flag_says_right_before_it_and_wrong_from_it_on(self, tmp_path: Path) -> None:
        wrong = trace(problem(), WRONG)
        rows, _ = self.rows(tmp_path, [wrong], [self.label(wrong, "first_wrong", 1)], "steps")
        assert [row.targets for row in rows] == [(1.0, 0.0, 0.0)]

    def test_all_right_says_right_everywhere(self, tmp_path: Path) -> None:
        right = trace(problem(), RIGHT)
        rows, _ = self.rows(tmp_path, [right], [self.label(right, "all_right")], "steps")
        assert [row.targets for row in rows] == [(1.0, 1.0, 1.0)]

    def test_both_takes_peoples_word_first_and_the_outcome_else(self, tmp_path: Path) -> None:
        flagged, other = trace(problem(), WRONG), trace(problem(), WRONG.replace("find", "find find"), 1)
        rows, _ = self.rows(tmp_path, [flagged, other], [self.label(flagged, "first_wrong", 2)], "both")
        assert [row.targets for row in rows] == [(1.0, 1.0, 0.0), (0.0, 0.0, 0.0)]

    def test_the_most_named_step_counts(self, tmp_path: Path) -> None:
        wrong = trace(problem(), WRONG)
        labels = [self.label(wrong, "first_wrong", step, who) for step, who in ((2, "ada"), (1, "bob"), (1, "cyd"))]
        rows, _ = self.rows(tmp_path, [wrong], labels, "steps")
        assert rows[0].targets == (1.0, 0.0, 0.0)

    @pytest.mark.parametrize(
        ("labels", "reason"),
        [
            ((), "no one has judged its steps"),
            ((("unsure", None, "ada"),), "marked unsure, skipped or bad problem"),
            ((("skip", None, "ada"),), "marked unsure, skipped or bad problem"),
            ((("first_wrong", 1, "ada"), ("all_right", None, "bob")), "annotators disagree on whether it has a wrong"),
        ],
    )
    def test_what_people_left_open_is_no_step_label(
        self, tmp_path: Path, labels: tuple[tuple[str, int | None, str], ...], reason: str
    ) -> None:
        wrong = trace(problem(), WRONG)
        made = [self.label(wrong, kind, step, who) for kind, step, who in labels]
        rows, dropped = self.rows(tmp_path, [wrong], made, "steps")
        assert rows == [] and len(dropped) == 1 and next(iter(dropped)).startswith(reason)

    def test_an_answer_that_could_not_be_judged_is_no_outcome(self, tmp_path: Path) -> None:
        open_one = replace(trace(problem(), WRONG), verdict=Verdict("unjudged", None, "no answer"))
        rows, dropped = self.rows(tmp_path, [open_one])
        assert rows == [] and dropped == {"its answer could not be judged": 1}

    def test_a_bad_problem_teaches_nothing(self, tmp_path: Path) -> None:
        traces = [trace(problem(), RIGHT), trace(problem(), WRONG, 1), trace(problem(3), WRONG)]
        rows, dropped = self.rows(tmp_path, traces, [self.label(traces[0], "bad_problem")])
        assert [row.problem_id for row in rows] == [problem(3).id]
        assert dropped == {"its problem was marked bad": 2}

    def test_the_same_solution_is_read_once_and_counts_as_often_as_it_was_sampled(self, tmp_path: Path) -> None:
        rows, dropped = self.rows(tmp_path, [trace(problem(), RIGHT, seed) for seed in range(3)])
        assert [row.num for row in rows] == [3] and dropped == {}

    def test_a_trace_without_steps_is_counted(self, tmp_path: Path) -> None:
        empty = make_trace(
            problem(), prompt="", text="", steps=(), answer=None, verdict=Verdict("wrong"), maker=MAKER, format="cot"
        )
        assert self.rows(tmp_path, [empty])[1] == {"it has no steps": 1}

    def test_a_trace_longer_than_the_context_is_counted_not_cut(self, tmp_path: Path, solver: str) -> None:
        from reasoner.engines.local import load

        with Store(tmp_path / "store.sqlite") as opened:
            opened.add_rows([(problem(), [trace(problem(), RIGHT), trace(problem(), "\n".join([RIGHT] * 30), 1)], ())])
            rows, counts = collect_rows(opened, load(solver))
        assert len(rows) == 1 and counts.dropped == {"longer than the model's context": 1}

    def test_words_that_the_model_has_never_met_are_counted(self, tmp_path: Path, solver: str) -> None:
        from reasoner.engines.local import load

        with Store(tmp_path / "store.sqlite") as opened:
            opened.add_rows([(problem(), [trace(problem(), RIGHT.replace("find", "seek"))], ())])
            _, counts = collect_rows(opened, load(solver))
        assert counts.dropped == {"has words outside the model's vocabulary": 1}

    def test_no_problem_is_on_both_sides(self, tmp_path: Path) -> None:
        rows = [ValueRow(f"p{n % 10}", f"t{n}", Solution("", "a", (1,)), (1.0,), True) for n in range(40)]
        train, held_out = split_by_problem(rows, 0.3, seed=4)
        assert {row.problem_id for row in train}.isdisjoint(row.problem_id for row in held_out)
        assert (len(train), len(held_out)) == (28, 12)
        assert split_by_problem(rows, 0.3, seed=4) == (train, held_out)
        assert split_by_problem(rows, 0.3, seed=5) != (train, held_out)


def test_the_ends_of_sentences_on_one_line_are_found_in_the_text_as_it_was_written() -> None:
    of = problem()
    text = "Ben has 3 + 2 = 5 coins.  The answer is 5."
    steps = (Step("Ben has 3 + 2 = 5 coins."), Step("The answer is 5."))
    made = make_trace(
        of, prompt="Q\n", text=text, steps=steps, answer="5", verdict=Verdict("right"), maker=MAKER, format="cot"
    )
    found = solution_of(ScriptedEngine({}, name="tour"), made, of)
    assert found.text == text and [text[:end] for end in found.ends] == ["Ben has 3 + 2 = 5 coins.  ", text]


def test_steps_that_are_not_in_the_text_are_read_line_by_line() -> None:
    of = problem()
    made = make_trace(
        of, prompt="Q\n", text="something else", steps=(Step("first"), Step("second")), answer="5",
        verdict=Verdict("right"), maker=MAKER, format="cot",
    )  # fmt: skip
    assert solution_of(ScriptedEngine({}, name="tour"), made, of) == Solution("Q\n", "first\nsecond", (6, 12))


# ── scores in the store ──────────────────────────────────────────────────────────────────────────────────────────────


def test_scoring_a_store_gives_every_readable_trace_one_score_a_state(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from training.__main__ import main

    path = toy(tmp_path / "store.sqlite", num=3)
    with Store(path) as opened:
        opened.add_traces([trace(problem(2), RIGHT.replace("find", "seek"), 9)])
    assert main(["value", "--store", path, "--out", str(trained), "--score"]) == 0
    assert "12 kept, 1 dropped: has words outside the model's vocabulary" in capsys.readouterr().out
    with Store(path) as opened:
        found = opened.valuations(problem(2).id)
        steps = {one.id: len(one.steps) for one in opened.traces(problem(2).id)}
        assert opened.valuers() == ["value-toy"]
    assert len(found) == 4 and all(len(one.scores) == steps[one.trace_id] for one in found)
    assert main(["value", "--store", path, "--out", str(trained), "--score", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["unchanged"] == 12


def test_a_trace_that_cannot_be_scored_is_said_not_skipped(trained: Path) -> None:
    model = load_value_model(trained)
    with pytest.raises(RunError, match="cannot be scored: has words outside"):
        model.value_of(trace(problem(), RIGHT.replace("find", "seek")), problem())


# ── the report ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_auc_is_the_chance_that_right_stands_above_wrong() -> None:
    import numpy as np

    right = np.array([True, True, False, False])
    assert auc(np.array([0.9, 0.8, 0.1, 0.2]), right) == 1.0
    assert auc(np.array([0.5, 0.5, 0.5, 0.5]), right) == 0.5
    assert auc(np.array([0.9, 0.1, 0.5, 0.0]), right) == 0.75
    assert auc(np.array([0.9]), np.array([True])) is None


def test_the_calibration_table_holds_every_solution_once() -> None:
    rows = [Scored(f"p{n}", (n / 20,), n % 3 == 0) for n in range(21)]
    report = judge_scores(rows, name="v", model="m", target="outcome", reads="both")
    assert sum(found.num for found in report.bins) == 21
    assert report.bins[-1].num == 3 and report.bins[-1].right.total == 3  # 0.9, 0.95 and 1.0
    assert 0 <= report.error <= 1


def test_within_a_problem_its_difficulty_does_not_help() -> None:
    rows = [Scored("easy", (0.9,), True), Scored("easy", (0.9,), False), Scored("hard", (0.1,), False)]
    report = judge_scores(rows, name="v", model="m", target="outcome", reads="both")
    assert report.auc is not None and report.auc.value == 0.75
    assert report.auc_within is not None and report.auc_within.value == 0.5


def test_a_report_without_both_outcomes_says_so() -> None:
    report = judge_scores([Scored("p", (0.9,), True)], name="v", model="m", target="outcome", reads="both")
    assert report.auc is None and "all right or all wrong" in report.sentence()


# ── what is said ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_too_few_of_either_kind_is_said(args: value.Args, tmp_path: Path) -> None:
    path = tmp_path / "few.sqlite"
    with Store(path) as opened:
        opened.add_rows([(problem(n), [trace(problem(n), RIGHT)], ()) for n in range(2, 22)])
    with pytest.raises(RunError, match=r"\d right and \d+ wrong solutions are left to train on, and 10 of each"):
        value.run(replace(args, store=str(path)))
    assert not Path(args.out).exists()


def test_step_labels_are_needed_to_learn_from_them(args: value.Args) -> None:
    with pytest.raises(RunError, match=r"0 right and 0 wrong .* 96 dropped: no one has judged its steps"):
        value.run(replace(args, target="steps"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"target": "steps!"}, "--target must be one of outcome, steps, both"),
        ({"loss": "hinge"}, "--loss must be one of"),
        ({"reads": "mind"}, "--reads must be one of"),
        ({"held_out": 1.0}, "share of the problems from 0 to 0.9"),
        ({"rank": 0}, "at least 1"),
    ],
)
def test_a_setting_that_cannot_be_meant_is_said(args: value.Args, change: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        value.run(replace(args, **change))


def test_a_model_without_an_end_is_said(args: value.Args, solver: str, tmp_path: Path) -> None:
    import shutil

    folder = tmp_path / "endless"
    shutil.copytree(solver, folder)
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps({k: v for k, v in json.loads(path.read_text()).items() if k != "eos_token"}))
    with pytest.raises(EngineError, match="no end-of-sequence token"):
        value.run(replace(args, model=str(folder)))


def test_a_store_that_is_not_there_is_said_and_not_made(args: value.Args, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no store at"):
        value.run(replace(args, store=str(tmp_path / "none.sqlite")))
    assert not (tmp_path / "none.sqlite").exists()


def test_a_scripted_model_is_said(args: value.Args) -> None:
    with pytest.raises(RunError, match="needs a model in this process"):
        value.run(replace(args, model="scripted:tour.jsonl"))


def test_a_folder_that_is_no_value_model_is_said(tmp_path: Path, solver: str) -> None:
    with pytest.raises(RunError, match="is no value model's folder"):
        load_value_model(tmp_path)
    with pytest.raises(RunError, match="is no value model's folder"):
        load_value_model(solver)


def test_a_value_model_without_its_weights_is_said(trained: Path, tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(trained / "value", copy)
    (copy / "adapter_model.safetensors").unlink()
    with pytest.raises(RunError, match="training has not finished"):
        load_value_model(copy)
