"""Every solver of a recipe on its held-out problems, and the report of all of them.

    report = measure_and_report(line, "Self-Explore", {"sft": {0: Solver(…)}, "rft": {0: …, 1: …}}, WORDS, notes, …)

A solver that all seeds share is measured once. Rows come in the order they are given.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from training.recipes.begin import held_out_problems, settings_in, stopped_early
from training.recipes.measure import Measured, measure, read_measured
from training.recipes.report import write_recipe_report
from training.recipes.rows import Row, facts_of, row_of
from training.recipes.solver import Solver, engine_of
from training.recipes.stages import Done, Line, Stage, Tally

Solvers = dict[str, dict[int, Solver]]
"""Row of the report → seed → what was trained."""


def measure_rows(
    line: Line,
    solvers: Solvers,
    words: Mapping[str, str],
    *,
    format: str,
    num_samples: int,
    temperature: float,
    server: str = "",
) -> list[Row]:
    """Measure what is not measured yet; one row a solver, over its seeds."""
    rows = []
    for name, by_seed in solvers.items():
        measured: dict[int, Measured] = {}
        for seed, solver in by_seed.items():
            if seed > min(by_seed) and solver == by_seed[min(by_seed)]:
                continue  # shared by all seeds: measured once, and met by each seed of the others
            asked = {"format": format, "num_samples": num_samples, "temperature": temperature, "seed": seed}
            measured[seed] = _measured(line, name, solver, asked, server)
        trainings = [done for solver in by_seed.values() if (done := stage_of(line, solver))]
        distinct = list({done.name: done for done in trainings}.values())
        rows.append(row_of(name, measured, facts_of(distinct), words.get(name, name)))
    return rows


def _measured(line: Line, name: str, solver: Solver, asked: dict[str, object], server: str) -> Measured:
    trained_by = stage_of(line, solver)
    place = Path(trained_by.name).parts[0] if trained_by else ""
    where = f"{place}/measure/{name}" if place.startswith("seed-") else f"measure/{name}"

    def work(stage: Stage) -> Tally:
        problems = held_out_problems(line)
        engine = engine_of(solver, server)
        found = measure(engine, problems, folder=stage.folder, follow=stage.progress, **asked)  # type: ignore[arg-type]
        right, num = found.accuracy.successes, found.accuracy.total
        dropped = {"could not be judged": len(problems) - num} if num < len(problems) else {}
        return Tally(len(problems), num, dropped, {"right": right, "accuracy": found.accuracy.rate})

    after = ["problems", *([trained_by.name] if trained_by else [])]
    done = line.stage(where, f"Measuring {name} on held-out problems", work, uses=asked | {"solver": solver.name}
                      if not trained_by else asked, after=after)  # fmt: skip
    return read_measured(done.folder)


def stage_of(line: Line, solver: Solver) -> Done | None:
    """The stage that trained it; None for the model that the recipe was given."""
    folder = Path(solver.adapter or solver.model).parent
    return next((done for done in line.done.values() if done.folder == folder), None)


def finish(line: Line, title: str, rows: Sequence[Row], notes: Sequence[str]) -> Path:
    """Write the report, and say so; its folder."""
    folder = write_recipe_report(
        line.folder,
        title,
        rows,
        notes=[*notes, *stopped_early(line)],
        settings=settings_in(line),
        counts=list(line.done.values()),
    )
    message = headline(rows)
    line.events.write("done", message=message)
    print(message, flush=True)
    return folder


def headline(rows: Sequence[Row]) -> str:
    """ "sft 62.1 % → rft 64.0 % → outcome-dpo 66.2 % → self-explore 71.3 % of 1,000 held-out problems"."""
    if not rows:
        return "Trained; nothing was measured."
    shown = " → ".join(f"{row.stage} {row.accuracy:.1%}" for row in rows)
    return f"{shown} of {rows[0].problems:,} held-out problems."
