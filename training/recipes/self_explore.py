"""Self-Explore, top to bottom (arXiv 2404.10346): find the first pit of wrong solutions, prefer a way around it.

    python -m training recipe self-explore --model M --problems train.jsonl --held-out test.jsonl --out run
    python -m training recipe self-explore --preset built-in --out run

    problems        what is learnt from, and what is measured on; none in both
    sft             the model on the problems' own solutions                                    → generator
    sample          N solutions a problem: right, wrong, no answer, not judged
    rft-set, rft    the model on the right and distinct ones, at most 8 a problem               → explorer, reference
    outcome-pairs   D_pair: each of those against a wrong one
    explore         the first pit of each of these wrong ones, by k completions of every prefix
    pairs           D_g-pair: the pit step against the shortest right way on from before it
    train           DPO on D_g-pair; the controls and variants, each of which differs in one thing
    measure         every solver on the held-out problems; then the report

From `sample` on everything is done once a seed, in seed-N/. A stage that is done is passed over; one that was killed
goes on where it was: the same command again is all. What each stage does is in self_explore_stages.py.

Not as in the paper's code: what cannot be judged is never a wrong solution; answers are equal however they are written;
pairs with an empty rejected are dropped; DPO's reference is the explorer, whether a model or an adapter of one.
"""

from pathlib import Path

from reasoner.engines import BUILT_IN
from reasoner.errors import RunError, WorkbenchError
from reasoner.scale.keeping import Busy, locked
from training.recipes.begin import NONE, begin, choose_problems
from training.recipes.measuring import Solvers, finish, measure_rows
from training.recipes.rows import Row
from training.recipes.self_explore_settings import PRESETS, VARIANTS, WORDS, Settings, check, rows_of
from training.recipes.self_explore_stages import OneSeed
from training.recipes.side_by_side import work_through
from training.recipes.solver import Solver
from training.recipes.stages import Line

__all__ = ["PRESETS", "VARIANTS", "Settings", "run"]


def run(settings: Settings) -> Path:
    """Do the whole line, or go on with it; the report. Raises WorkbenchError with what to do next."""
    check(settings)
    line = Line(Path(settings.out))
    try:
        with locked(line.folder):
            return _run(line, settings)
    except Busy as error:
        raise RunError(f"Another process works in {line.folder}: wait until it ends, or name another --out.") from error
    except WorkbenchError as error:
        line.events.write("failed", message=str(error))
        raise


def _run(line: Line, settings: Settings) -> Path:
    begin(line, "self-explore", settings)
    choose_problems(line, settings.problems, settings.held_out)
    if settings.seeds_at_once > 1:
        if not settings.sft_per_seed:
            OneSeed(line, settings, settings.seeds[0]).sft()
        work_through(line.folder, settings.seeds, settings.seeds_at_once)
    solvers: Solvers = {}
    notes: list[str] = []
    for seed in settings.seeds:
        for name, solver in self_explore(OneSeed(line, settings, seed), notes).items():
            solvers.setdefault(name, {})[seed] = solver
    ordered = {name: solvers[name] for name in sorted(solvers, key=_order)}
    rows = [] if settings.held_out == NONE else measure_solvers(line, ordered, settings)
    begun = "the built-in solver" if settings.model == BUILT_IN else settings.model
    return finish(line, f"Self-Explore on {begun}", rows, notes)


def measure_solvers(line: Line, solvers: Solvers, settings: Settings) -> list[Row]:
    """What each can do on the held-out problems: a row each."""
    return measure_rows(
        line,
        solvers,
        WORDS,
        format=settings.format,
        num_samples=settings.measured_samples,
        temperature=settings.temperature,
        server=settings.server,
    )


def _order(name: str) -> int:
    return [*WORDS].index(name)


def self_explore(one: OneSeed, notes: list[str]) -> dict[str, Solver]:
    """The paper's five stages, its controls and variants, for one seed: row of the report → what was trained."""
    generator = one.sft()
    one.sample(generator)
    one.rft_set()
    explorer = one.rft(generator)
    one.outcome_pairs(generator)
    found = {"sft": generator, "rft": explorer}
    for name, settings in rows_of(one.settings).items():
        by = generator if settings.explorer == "sft" else explorer
        pairs = one.granular_pairs(name, settings, by)
        if pairs.tally.rows_out:
            found[name] = one.dpo(name, settings, explorer, pairs)
        elif name == "self-explore":
            raise RunError(f"There are no pairs to train on: {pairs.tally.dropped}. Sample more (--num-samples).")
        else:
            notes.append(f"{name} is left out with seed {one.seed}: it gave no pairs.")
    if "outcome-dpo" in one.settings.controls:
        found["outcome-dpo"] = one.dpo("outcome-dpo", one.settings, explorer, one.same_outcome_pairs())
    if "more-sft" in one.settings.controls and not one.settings.skip_sft:
        found["more-sft"] = one.more_sft(generator)
    if "rft" not in one.settings.controls:
        del found["rft"]
    return found
