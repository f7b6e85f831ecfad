"""Runs made up in files, as the pages read them: no process, no model."""

import json
from dataclasses import asdict, replace
from pathlib import Path

from reasoner.engines.scripted import ScriptedEngine
from reasoner.records import Problem
from reasoner.store import Store
from tests.training_help import pairs, problem
from training.evaluate import Pits, evaluate, save
from training.progress import EventLog
from training.report import Report
from training.run_settings import Settings
from training.wordproblems import generate


def solver(right: set[int], name: str) -> ScriptedEngine:
    """Solves "Ben has N more" rightly for N in `right`, elsewhere one too many; generated problems by their answer."""

    def answer(prompt: str, seed: int) -> str:
        number = int(prompt.split("Ben has ")[1].split()[0])
        value = 3 + number + (0 if number in right else 1)
        rest = f"Solve Parent: Ben's coins = 3 + {number} = {value}\nSummarize: the answer is {value}"
        return rest if "Formalize" in prompt else f"Formalize: find Ben's coins\n{rest}"

    return ScriptedEngine(answer, name=name)


def made_up_run(store: Store, run_id: str, is_done: bool = True, num_steps: int = 20) -> Path:
    """A run's folder with events, log and, when done, an adapter and a report of ten problems and two pits."""
    folder = store.data_folder / "runs" / run_id
    (folder / "adapter").mkdir(parents=True)
    settings = Settings(store=str(store.path), model=str(store.data_folder / "solver"))
    (folder / "settings.json").write_text(json.dumps(asdict(settings)))
    events = EventLog(folder / "events.jsonl")
    events.write("stage", stage="pairs", message="Collecting pairs …")
    events.write("pairs", counts={"kept": 6, "unchanged": 0, "dropped": {"marked <b>unsure</b>": 2}}, seconds=1.0)
    events.write("stage", stage="train", message="Fine-tuning on 6 pairs …")
    for step in range(1, num_steps + 1):
        share = step / num_steps
        events.write("train", step=step, total=num_steps if is_done else 2 * num_steps, seconds=2.0 * step,
                     seconds_left=2.0 * (num_steps - step), loss=0.69 - 0.3 * share, margin=share,
                     accuracy=min(1.0, 0.5 + share / 2), logps_chosen=-20 + share)  # fmt: skip
    (folder / "log.txt").write_text("step 1/20\n<script>alert(1)</script>\n")
    if is_done:
        (folder / "adapter" / "adapter_config.json").write_text("{}")
        events.write("stage", stage="evaluate", message="Solving …")
        report = made_up_report(folder)
        events.write("done", message=report.sentence())
    return folder


def made_up_report(folder: Path) -> Report:
    """Ten problems: 3 right both times, 4 fixed, 1 broken, 2 wrong; two pits, one of them gone."""
    problems: list[Problem] = [
        replace(problem(number), level="easy" if number < 7 else "hard") for number in range(2, 12)
    ]
    known = {problem(number).id: problem(number) for number in (2, 3)}
    before, after = solver({8, 9, 10, 11}, "before"), solver({2, 4, 5, 6, 8, 9, 10}, "after")
    report, comparisons = evaluate(before, after, problems[2:], pits=Pits(pairs(2), known))
    save(replace(report, level="medium"), comparisons, folder)
    return report


def generated() -> Problem:
    """A problem that the oracle knows."""
    return generate("easy", 4)
