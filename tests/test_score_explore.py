"""`score --detector explore`: first pits against people's labels, by any engine, kept and taken up again."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reasoner.__main__ import main
from reasoner.engines.scripted import ScriptedEngine
from reasoner.errors import BadInput, EngineError
from reasoner.interchange import import_file
from reasoner.score import Exploring, score, table
from reasoner.store import Store

GOLD = 14


def mr_gsm8k(number: int, wrong: int | None, num: int = 4) -> dict[str, Any]:
    """A row of MR-GSM8K whose first wrong step is `wrong` (0-based)."""
    lines = [f"Step {i + 1}: {'bad' if wrong is not None and i >= wrong else 'good'} line {i}." for i in range(num - 1)]
    found = GOLD if wrong is None else 7
    return {
        "uuid": str(number),
        "question": f"How many eggs has hen {number}?",
        "ground_truth_solution": "…",
        "ground_truth_answer": str(GOLD),
        "model_output_steps": [*lines, f"The answer is {found}."],
        "model_output_solution_correctness": "correct" if wrong is None else "wrong",
        "model_output_solution_first_error_step": "N/A" if wrong is None else str(wrong + 1),
        "model_output_answer_correctness": "correct" if wrong is None else "wrong",
    }


def processbench(number: int, wrong: int | None) -> dict[str, Any]:
    lines = [f"{'bad' if wrong is not None and i >= wrong else 'good'} line {i}." for i in range(3)]
    return {
        "id": f"gsm8k-{number}",
        "generator": "Qwen2-7B-Instruct",
        "problem": f"How many eggs has hen {number // 2}?",
        "steps": [*lines, f"The answer is {GOLD if wrong is None else 7}."],
        "final_answer_correct": wrong is None,
        "label": -1 if wrong is None else wrong,
    }


def take(store: Store, rows: list[dict[str, Any]], name: str = "rows.jsonl") -> None:
    path = store.data_folder / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    import_file(store, path)


class Counting(ScriptedEngine):
    """Recovers from good lines and not from bad ones; dies after so many completions."""

    def __init__(self, writes: Callable[[str, int], str] | None = None, dies: int = 10**9) -> None:
        super().__init__(self._write)
        self._writes = writes or (lambda prompt, seed: f"The answer is {7 if 'bad' in prompt else GOLD}.")
        self.num, self._dies = 0, dies

    def _write(self, prompt: str, seed: int) -> str:
        self.num += 1
        if self.num > self._dies:
            raise EngineError("The server does not answer any more.")
        return self._writes(prompt, seed)


@pytest.mark.parametrize("method", ["adaptive", "linear"])
def test_first_pits_are_compared_with_the_labels(store: Store, method: str) -> None:
    take(store, [mr_gsm8k(0, None), mr_gsm8k(1, 1), mr_gsm8k(2, 2), mr_gsm8k(3, None), mr_gsm8k(4, 2)])
    result = score(store, "explore", exploring=Exploring(Counting(), method, 8))
    assert (result["right"], result["wrong"], result["exact"], result["unjudged"]) == (2, 3, 3, 0)
    assert result["accuracy_right"] == result["accuracy_wrong"] == result["processbench_f1"] == 1
    assert result["intervals"]["accuracy_wrong"][0] < 1
    assert result["gold_used"] is True
    about = result["explored"]
    assert (about["method"], about["k"], about["model"], about["judged_by"]) == (method, 8, "script", "gold")
    assert 0 < about["completions"] < about["tokens"] == about["sampled_now"]
    json.dumps(result)


def test_a_second_run_samples_nothing_and_says_the_same(store: Store) -> None:
    take(store, [mr_gsm8k(0, None), mr_gsm8k(1, 1), mr_gsm8k(2, 2)])
    first, again = Counting(), Counting()
    one = score(store, "explore", exploring=Exploring(first))
    other = score(store, "explore", exploring=Exploring(again))
    assert again.num == 0 < first.num
    assert one["explored"]["tokens"] == other["explored"]["tokens"]
    assert (other["explored"]["sampled_now"], other["explored"]["found_before"]) == (0, 3)
    one.pop("explored"), other.pop("explored")
    assert one == other
    assert score(store, "explore", exploring=Exploring(Counting(), seed=5))["explored"]["sampled_now"] > 0


def test_a_run_that_dies_keeps_what_it_found_and_the_next_one_goes_on(store: Store) -> None:
    take(store, [mr_gsm8k(number, 1 + number % 2) for number in range(6)])
    whole = Counting()
    wanted = score(store, "explore", exploring=Exploring(whole, seed=1))
    first, second = Counting(dies=9), Counting()
    with pytest.raises(EngineError, match="does not answer"):
        score(store, "explore", exploring=Exploring(first))
    result = score(store, "explore", exploring=Exploring(second))
    assert result["exact"] == wanted["exact"] == 6
    assert first.num - 1 + second.num == whole.num


def test_processbench_has_no_gold_answers_unless_a_solution_is_known_to_be_right(store: Store) -> None:
    take(store, [processbench(0, None), processbench(1, 1), processbench(2, 2), processbench(3, 0)])
    result = score(store, "explore", exploring=Exploring(Counting()))
    assert (result["right"], result["wrong"], result["unjudged"], result["exact"]) == (1, 1, 2, 1)
    [(reason, num)] = result["explored"]["not_judged"].items()
    assert num == 2 and "right answer is not known" in reason
    assert "2 not judged" in table(result)


def test_by_agreement_the_gold_answer_is_never_looked_at(store: Store) -> None:
    take(store, [processbench(0, None), processbench(2, 2), processbench(4, 1)])
    result = score(store, "explore", exploring=Exploring(Counting(), k=8, judged_by="agreement"))
    assert (result["gold_used"], result["unjudged"]) == (False, 0)
    assert (result["accuracy_right"], result["exact"]) == (1, 2)
    assert "judged by agreement of samples" in table(result)
    assert {pit.judged_by for pit in store.pits()} == {"agreement"}


def test_answers_that_say_nothing_are_not_judged_and_counted(store: Store) -> None:
    take(store, [mr_gsm8k(0, 1), mr_gsm8k(1, 2)])
    result = score(store, "explore", exploring=Exploring(Counting(lambda prompt, seed: "")))
    assert (result["unjudged"], result["wrong"]) == (2, 0)
    assert list(result["explored"]["not_judged"].values()) == [2]


def test_so_many_and_of_one_source_as_was_asked_for(store: Store) -> None:
    take(store, [mr_gsm8k(number, 1) for number in range(5)])
    take(store, [processbench(number, None) for number in range(20, 24)], "other.jsonl")
    engine = Counting()
    assert score(store, "explore", exploring=Exploring(engine, limit=2))["wrong"] == 2
    found = score(store, "explore", exploring=Exploring(engine, source="mr-gsm8k"))
    assert (found["wrong"], found["right"]) == (5, 0)


def test_without_an_engine_there_is_no_such_detector(store: Store) -> None:
    with pytest.raises(BadInput, match="explore"):
        score(store, "explore")


def test_the_command_takes_any_engine(store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    take(store, [mr_gsm8k(0, 1), mr_gsm8k(1, None)])
    script = tmp_path / "script.jsonl"
    prompts = {
        "".join([trace.prompt or f"{problem.question}\n", *(step.text + "\n" for step in trace.steps[: end + 1])])
        for problem in (row.problem for row in store.find_problems())
        for trace in store.traces(problem.id)
        for end in range(len(trace.steps))
    }
    rows = [{"prompt": one, "completions": [f"The answer is {7 if 'bad' in one else GOLD}."]} for one in prompts]
    script.write_text("".join(json.dumps(row) + "\n" for row in rows))
    command = ["score", "--detector", "explore", "--model", f"scripted:{script}", "--store", str(store.path)]
    assert main([*command, "-k", "8", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["exact"], result["accuracy_right"], result["gold_used"]) == (1, 1, True)
    assert main([*command, "-k", "8", "--method", "linear"]) == 0
    shown = capsys.readouterr().out
    assert "gold answer known" in shown and "explored by script" in shown and "tokens in" in shown


def test_real_labels_are_all_judged_or_counted_with_their_reasons(store: Store, real_data: Path) -> None:
    """BIG-Bench-Mistake, by an engine that recovers as far as the labels say."""
    lines = (real_data / "bigbench-mistake" / "multistep_arithmetic.jsonl").read_text().splitlines()[:16]
    (store.data_folder / "mistakes.jsonl").write_text("\n".join(lines) + "\n")
    import_file(store, store.data_folder / "mistakes.jsonl")
    rows = {row["input"]: row for row in map(json.loads, lines)}

    def writes(prompt: str, seed: int) -> str:
        row = next(row for question, row in rows.items() if prompt.startswith(question))
        is_late = row["mistake_index"] is not None and prompt.count("\n") - 1 > row["mistake_index"]
        return f"The answer is {row['answer'] if is_late else row['target']}."

    result = score(store, "explore", exploring=Exploring(Counting(writes), k=8))
    assert result["right"] + result["wrong"] + result["unjudged"] == len(rows)
    assert result["wrong"] > 8 and result["exact"] >= 0.8 * result["wrong"]


def test_the_built_in_solver_explores_as_any_engine(store: Store) -> None:
    from reasoner.engines import BUILT_IN, load_engine

    lines = ["Formalize: find Ben's coins", "Solve Parent: Ben's coins = 3 + 2 = 6", "Summarize: the answer is 6"]
    question = "Ana has 3 coins. Ben has 2 more coins than Ana. How many coins does Ben have?"
    row = {"question": question, "ground_truth_answer": "5", "model_output_steps": lines}
    flag = {"model_output_solution_correctness": "wrong", "model_output_solution_first_error_step": "2"}
    take(store, [row | flag])
    result = score(store, "explore", exploring=Exploring(load_engine(BUILT_IN)))
    assert (result["wrong"], result["exact"]) == (1, 1)
    assert result["explored"]["engine"] == "local" and result["explored"]["sampled_now"] > 0
