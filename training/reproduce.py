"""make reproduce: Self-Explore with its controls on the built-in solver, and what the README shows of it.

    python -m training.reproduce                    build/reproduce/ → assets/reproduce/
    python -m training.reproduce --out DIR --assets DIR

The recipe is `python -m training recipe self-explore --preset reproduce`; a run that was stopped goes on where it was.
Its report.json and table.md are copied, the accuracy picture is drawn, one a theme; `headline` is the README's table.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from reasoner.errors import WorkbenchError
from reasoner.whole_file import write_text
from training.recipes.record import RecipeReport, points
from training.recipes.report import read_recipe_report
from training.recipes.report_picture import write_pictures
from training.recipes.report_table import percent
from training.recipes.self_explore import PRESETS, run

ROOT = Path(__file__).resolve().parents[1]
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


def headline(report: RecipeReport) -> str:
    """The rows as the README shows them: Markdown, a line a stage."""
    first, num = report.rows[0], report.rows[0].num_samples
    head = ("", "greedy (95 % interval)", "at T = 0.7", f"pass@{num}", f"maj@{num}", "distinct", "against SFT, points")
    lines = [head, ["---"] * len(head)]
    for row in report.rows:
        against = row.against.get(first.stage)
        gain = f"{points(against.delta)} ({points(against.low)} to {points(against.high)})" if against else "–"
        rates = [row.sampled, *(found[num].value if num in found else None for found in (row.pass_at, row.maj_at))]
        shown = [percent(rate) if rate is not None else "–" for rate in [*rates, row.diversity]]
        interval = f"{row.low * 100:.1f}–{row.high * 100:.1f}"
        lines.append([f"`{row.stage}` {row.words}", f"{percent(row.accuracy)} ({interval})", *shown, gain])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def keep(out: Path, assets: Path) -> None:
    """The report and its pictures, beside the project's other assets, paths of this machine left out.

    Raises RunError where there is no report.
    """
    write_pictures(read_recipe_report(out), assets)
    for name in KEPT:
        text = (out / name).read_text(encoding="utf-8")
        write_text(text.replace(f"{ROOT}/", ""), assets / name)


if __name__ == "__main__":
    sys.exit(main())
