"""python -m training.recipes.one_seed FOLDER SEED: one seed of a Self-Explore that has begun in FOLDER.

Started by side_by_side.py. Exit code 0, or 2 with one line that says what to do.
"""

import sys
from pathlib import Path
from typing import Any

from reasoner.errors import WorkbenchError
from training.recipes.begin import NONE, choose_problems, settings_in
from training.recipes.measuring import stage_of
from training.recipes.self_explore import Settings, measure_solvers, self_explore
from training.recipes.self_explore_stages import OneSeed
from training.recipes.stages import Line


def main(folder: str, seed: int) -> int:
    """The seed's stages, and what its own solvers can do."""
    line = Line(Path(folder))
    raw = settings_in(line)
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in raw.items()}
    settings = Settings(**values)
    try:
        choose_problems(line, settings.problems, settings.held_out)
        one = OneSeed(line, settings, seed)
        found = self_explore(one, [])
        own = {name: {seed: solver} for name, solver in found.items()
               if (done := stage_of(line, solver)) and done.name.startswith(one.here)}  # fmt: skip
        if settings.held_out != NONE:
            measure_solvers(line, own, settings)
    except WorkbenchError as error:
        print(error, flush=True)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
