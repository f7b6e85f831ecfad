"""make reproduce: Self-Explore with its controls on the built-in solver, and what the README shows of it.

    python -m training.reproduce                    build/reproduce/ → assets/reproduce/
    python -m training.reproduce --out DIR --assets DIR

The recipe is `python -m training recipe self-explore --preset reproduce`; a run that was stopped goes on where it was.
Its report.json and table.md are copied, and the accuracy picture is drawn, one a theme.
"""

import argparse
import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from reasoner.errors import WorkbenchError
from training.recipes.report import read_recipe_report
from training.recipes.report_picture import write_pictures
from training.recipes.self_explore import PRESETS, run

KEPT = ("report.json", "table.md")


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 0, or 2 with one line that says what to do."""
    parser = argparse.ArgumentParser(prog="python -m training.reproduce", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--out", default="build/reproduce", help="the recipe's folder (default: build/reproduce)")
    parser.add_argument("--assets", default="assets/reproduce", help="where the results go (default: assets/reproduce)")
    asked = parser.parse_args(arguments)
    out, assets = Path(asked.out), Path(asked.assets)
    try:
        run(replace(PRESETS["reproduce"], out=str(out)))
        keep(out, assets)
    except WorkbenchError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{assets}: {', '.join(KEPT)} and the pictures")
    return 0


def keep(out: Path, assets: Path) -> None:
    """The report and its pictures, beside the project's other assets. Raises RunError where there is no report."""
    report = read_recipe_report(out)
    write_pictures(report, assets)
    for name in KEPT:
        shutil.copyfile(out / name, assets / name)


if __name__ == "__main__":
    sys.exit(main())
