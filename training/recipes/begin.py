"""How every recipe begins: what was asked for is written down, and its problems are chosen.

begin(line, "self-explore", settings)               recipe.json
choose_problems(line, "train.jsonl", "test.jsonl")  problems/training.jsonl, problems/held_out.jsonl
"""

import json
from dataclasses import asdict
from typing import Any

from reasoner.errors import BadInput
from reasoner.records import Problem
from reasoner.whole_file import write_json
from training.recipes.problems import fingerprint, held_out_spec, load_problems, read_source, split, write_problems
from training.recipes.solver import check_start
from training.recipes.stages import Done, Line, Stage, Tally
from training.run_facts import versions

NONE = "none"
RECORD = "recipe.json"


def begin(line: Line, recipe: str, settings: Any) -> None:
    """Write recipe.json: the recipe, its settings and the versions, for a person and for a screen.

    Raises EngineError or RunError for a model that training cannot begin with.
    """
    check_start(settings.model)
    write_json({"recipe": recipe, "settings": asdict(settings), "versions": versions()}, line.folder / RECORD)


def settings_in(line: Line) -> dict[str, Any]:
    """What was asked for, as recipe.json has it."""
    found: dict[str, Any] = json.loads((line.folder / RECORD).read_text(encoding="utf-8"))["settings"]
    return found


def stopped_early(line: Line) -> list[str]:
    """A sentence for each stage whose training ended before its last step: for the report."""
    return [
        f"{name}: {done.tally.facts['stopped']}" for name, done in line.done.items() if done.tally.facts.get("stopped")
    ]


def choose_problems(line: Line, problems: str, held_out: str) -> Done:
    """The stage `problems`: what is learnt from, and what is measured on. Raises BadInput where there is nothing."""
    measured = "" if held_out == NONE else held_out_spec(held_out, problems)

    def work(stage: Stage) -> Tally:
        training = read_source(problems)
        others = read_source(measured) if measured else None
        to_learn, to_measure, dropped = split(training.problems, others.problems if others else [])
        for name, source in (("to learn from", training), ("held out", others)):
            for reason, num in source.dropped.items() if source else ():
                dropped[f"{name}: {reason}"] = num
        if not to_learn:
            raise BadInput(f"No problem of {problems} has a gold answer, so no solution can be judged.")
        write_problems(to_learn, stage.folder / "training.jsonl")
        write_problems(to_measure, stage.folder / "held_out.jsonl")
        rows = training.rows + (others.rows if others else 0)
        told = {"to learn from": len(to_learn), "held out": len(to_measure)}
        return Tally(rows, len(to_learn) + len(to_measure), dropped, told)

    uses = {"problems": fingerprint(problems), "held_out": fingerprint(measured) if measured else ""}
    return line.stage("problems", "Reading problems", work, uses=uses)


def training_problems(line: Line) -> list[Problem]:
    """Those that are learnt from."""
    return load_problems(line.folder / "problems" / "training.jsonl")


def held_out_problems(line: Line) -> list[Problem]:
    """Those that are measured on, none of which is learnt from."""
    return load_problems(line.folder / "problems" / "held_out.jsonl")
