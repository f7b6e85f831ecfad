"""A recipe's report: rows over seeds, its three files whole or not at all, and pages that hostile text cannot break."""

import json
import os
import re
from collections.abc import Sequence
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from reasoner.errors import BadInput, RunError
from training.progress import EventLog
from training.recipes.measured import Measured, Outcome, Status
from training.recipes.record import RecipeReport, StageCount, points
from training.recipes.report import compare, read_recipe_report, row_of, write_recipe_report
from training.recipes.report_figures import summed
from training.recipes.report_marks import Scale
from training.recipes.report_page import page
from training.recipes.report_picture import report_picture, write_pictures
from training.recipes.report_table import cells, markdown
from training.recipes.rows import Row
from training.recipes.stages import Done, Tally

HOSTILE = '</script><img src=x onerror="alert(1)">&|`*_[x](javascript:1)\n## \u2028\x00'


def measured(statuses: str, seed: int = 0, num_samples: int = 4) -> Measured:
    """R right, W wrong, ? not judged; wrong ones' first error is a calculation, two of four samples are right."""
    names: dict[str, Status] = {"R": "right", "W": "not right", "?": "unjudged"}
    outcomes = []
    for number, letter in enumerate(statuses):
        error = ("calculation", "oracle") if letter == "W" else ("", "")
        outcomes.append(
            Outcome(
                *(f"p{number}", "easy", names[letter]),
                tokens=10,
                error_class=error[0],
                error_by=error[1],  # type: ignore[arg-type]
                right=(True, False, True, False)[:num_samples],
                groups=(0, 1, 0, 2)[:num_samples],
                num_distinct=min(3, num_samples),
                sampled_tokens=10 * num_samples,
            )
        )
    return Measured(tuple(outcomes), "solver", "", "transitions", num_samples, 0.7, seed)


def base_row(**changes: object) -> Row:
    return replace(row_of("base", {0: measured("RRRRWWWWWW" * 20)}, words="Base solver"), **changes)  # type: ignore[arg-type]


def dpo_row(events: Sequence[Path] = ()) -> Row:
    by_seed = {seed: measured("RRRR" + better + "W" * (6 - len(better)) + "RRRRRWWWWW" * 19, seed)
               for seed, better in enumerate(("RRR", "RR", "RRRR"))}  # fmt: skip
    return row_of("dpo", by_seed, {"pairs": [10, 12, None], "events": events}, "DPO on first pits")


def trained(folder: Path, seed: int) -> Path:
    """The events of one training of 20 updates, the last two done again after a kill."""
    folder.mkdir(parents=True, exist_ok=True)
    log = EventLog(folder / "events.jsonl")
    for step in [*range(1, 21), 19, 20]:
        log.write(
            "train", step=step, total=20, seconds=2.0 * step, loss=1 / step, margin=step / 10 + seed, accuracy=0.9
        )
    return log.path


@pytest.fixture
def rows(tmp_path: Path) -> list[Row]:
    return [base_row(), dpo_row([trained(tmp_path / f"seed-{seed}", seed) for seed in range(3)])]


def test_a_row_says_what_its_seeds_can_do(rows: list[Row]) -> None:
    base, row = rows
    assert base.accuracy == pytest.approx(0.4) and base.seeds == (0.4,)
    assert row.seeds == pytest.approx((102 / 200, 101 / 200, 103 / 200))
    assert row.low < row.accuracy < row.high and row.accuracy == pytest.approx(0.51)
    assert all(low < share < high for share, (low, high) in zip(row.seeds, row.seed_intervals, strict=True))
    assert row.sampled == pytest.approx(0.5) and row.pass_at[1].value == pytest.approx(0.5)
    assert list(row.pass_at) == [1, 2, 4] and list(row.maj_at) == [1, 4] and row.maj_at[4].value == 1.0
    assert (row.diversity, row.answer_diversity, row.tokens, row.sampled_tokens) == (0.75, 0.75, 10, 10)
    assert row.error_classes["calculation"] == pytest.approx(0.49) and row.errors_by == "oracle"
    assert sum(row.error_classes.values()) == pytest.approx(1 - row.accuracy)


def test_training_is_told_by_its_events(rows: list[Row]) -> None:
    row = rows[1]
    assert (row.pairs, row.updates, row.seconds) == (11, 20, 40.0)
    assert row.margin == pytest.approx(1.95 + 1) and row.reward_accuracy == pytest.approx(0.9)
    assert [len(curve["loss"]) for curve in row.curves] == [20, 20, 20]
    assert row.curves[0]["loss"][-1] == [20.0, 0.05]


def test_a_long_training_is_thinned_and_keeps_its_end() -> None:
    events = [{"kind": "train", "step": step, "loss": float(step)} for step in range(1, 1001)]
    [curve] = row_of("sft", {0: measured("RW")}, {"events": [events]}).curves
    assert len(curve["loss"]) <= 121 and curve["loss"][-1] == [1000.0, 1000.0] and list(curve) == ["loss"]


def test_unknown_facts_of_a_training_are_refused() -> None:
    with pytest.raises(ValueError, match="speed"):
        row_of("sft", {0: measured("RW")}, {"speed": 3})


def test_what_could_not_be_judged_is_in_no_rate() -> None:
    row = row_of("base", {0: measured("RW??")})
    assert (row.accuracy, row.problems, row.unjudged) == (0.5, 4, 2)
    nothing = row_of("base", {0: measured("??")})
    assert (nothing.low, nothing.high, nothing.unjudged) == (0.0, 1.0, 2)
    assert "not judged" in markdown(RecipeReport("t", (nothing,)))


def test_seeds_must_share_problems() -> None:
    other = replace(measured("R"), outcomes=(Outcome("else", "", "right"),))
    with pytest.raises(BadInput, match="no problem"):
        row_of("base", {0: measured("R"), 1: other})


def test_rows_are_compared_over_the_same_problems_and_seeds(rows: list[Row]) -> None:
    base, row = rows
    found = compare(row, base)
    assert found is not None and found.delta == pytest.approx(0.11) and found.low > 0 and found.p < 0.01
    assert found.fixed == (22, 21, 23) and found.broken == (0, 0, 0)
    assert found.mcnemar[0] == pytest.approx(2 * 0.5**22)
    same = compare(row, replace(row, stage="copy"))
    assert same is not None and (same.delta, same.low, same.high, same.p) == (0, 0, 0, 1)
    strangers = row_of("x", {7: measured("RW" * 100), 8: measured("RW" * 100)})
    assert compare(row, strangers) is None


def test_the_report_is_what_its_reader_is_promised(rows: list[Row], tmp_path: Path) -> None:
    facts = {"pit at step 1": 4, "solver": "a/path", "per seed": [1, 2]}
    done = Done("seed-0/pairs", "Pairs", tmp_path, Tally(12, 10, {"no pit found": 2}, facts), 1.0, "f")
    path = write_recipe_report(tmp_path, "Self-Explore", rows, ["A note."], settings={"k": 4}, counts=[done])
    raw = json.loads(path.read_text())
    assert list(raw) == ["title", "settings", "versions", "counts", "rows", "order", "notes"]
    assert raw["order"] == ["base", "dpo"] and raw["versions"]["python"]
    assert raw["counts"] == [{"stage": "seed-0/pairs", "words": "Pairs", "rows_in": 12, "rows_out": 10,
                              "dropped": {"no pit found": 2}, "facts": {"pit at step 1": 4}}]  # fmt: skip
    row = raw["rows"][1]
    assert row["pass_at"]["4"][0] == 1.0 and row["seeds"] == [0.51, 0.505, 0.515]
    assert {"delta", "low", "high", "p"} <= set(row["against"]["base"]) and 0 <= row["accuracy"] <= 1
    assert "measured" not in row
    report = read_recipe_report(tmp_path)
    assert json.loads(json.dumps(report.to_json())) == raw
    assert page(report) == (tmp_path / "report.html").read_text()
    assert markdown(report) == (tmp_path / "table.md").read_text()
    assert "+11.0 points" in report.sentence() and "three seeds" in report.sentence()


def test_two_rows_of_one_stage_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="two rows"):
        write_recipe_report(tmp_path, "t", [base_row(), base_row()])


def test_a_report_is_there_whole_or_not_at_all(
    rows: list[Row], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "run"
    write_recipe_report(folder, "first", rows)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    def full(self: Path, data: bytes) -> int:
        if self.name.startswith("table"):
            raise OSError(28, "No space left on device")
        return original(self, data)

    original = Path.write_bytes
    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(RunError, match="disk full"):
        write_recipe_report(folder, "second", rows)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    monkeypatch.undo()

    def killed(source: object, target: object) -> None:
        if str(target).endswith("table.md"):
            raise KeyboardInterrupt
        replaced(source, target)  # type: ignore[arg-type]

    replaced = os.replace
    monkeypatch.setattr(os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        write_recipe_report(folder, "second", rows)
    with pytest.raises(RunError, match="has not come to its end"):
        read_recipe_report(folder)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"title": 1, "rows": [{}], "order": []}', "\x00"])
def test_a_foreign_report_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "report.json").write_text(text)
    with pytest.raises(RunError, match="cannot be read"):
        read_recipe_report(tmp_path / "report.json")


class Tags(HTMLParser):
    """Every tag with its attributes, and all text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@pytest.fixture
def hostile(rows: list[Row], tmp_path: Path) -> RecipeReport:
    named = [
        replace(rows[0], stage=HOSTILE, words=HOSTILE, error_classes={HOSTILE: 0.6}),
        replace(rows[1], words=HOSTILE + "2"),
    ]
    counts = [StageCount(HOSTILE, HOSTILE, 5, 3, {HOSTILE: 2})]
    told = {HOSTILE: HOSTILE, "list": [HOSTILE, 1]}
    write_recipe_report(tmp_path, HOSTILE, named, [HOSTILE], settings=told, versions={HOSTILE: HOSTILE}, counts=counts)
    return read_recipe_report(tmp_path)


def test_hostile_text_stays_text_on_the_page(hostile: RecipeReport) -> None:
    drawn = page(hostile)
    found = Tags(drawn)
    names = {tag for tag, _ in found.tags}
    assert not names & {"script", "img", "a", "iframe", "link", "object"}
    assert not [attrs for _, attrs in found.tags if any(name.startswith("on") for name in attrs)]
    assert sum("onerror" in text for text in found.texts) >= 12
    assert hostile.title == HOSTILE


def test_hostile_text_stays_text_in_the_table_and_the_picture(hostile: RecipeReport) -> None:
    table = markdown(hostile)
    assert "<" not in table and not re.search(r"(?<!\\)[`*]|(?<!\\)\]", table)
    lines = [line for line in table.splitlines() if line.startswith("|")]
    assert len(lines) == 4 and len({len(re.findall(r"(?<!\\)\|", line)) for line in lines}) == 1
    tree = ElementTree.fromstring(report_picture(hostile, "dark"))
    assert {element.tag.split("}")[1] for element in tree.iter()} == {"svg", "title", "text", "line", "path", "circle"}


def test_the_page_needs_no_network_and_every_picture_has_words(rows: list[Row], tmp_path: Path) -> None:
    counts = [StageCount(f"seed-{seed}/pairs", "Pairs", 10, 8, {"no pit found": 2}) for seed in range(3)]
    write_recipe_report(tmp_path, "t", rows, counts=counts)
    drawn = page(read_recipe_report(tmp_path))
    assert not re.findall(r"https?:|url\(|@import|src=|href=", drawn)
    assert "default-src 'none'" in drawn
    for tag, attrs in Tags(drawn).tags:
        if tag == "div" and attrs.get("role") == "img":
            assert attrs["aria-label"]
    headings = re.findall(r"<h2>(.*?)</h2>", drawn)
    assert headings == ["Accuracy", "Against the stage before", "Several samples", "What goes wrong",
                        "From rows to pairs", "Training", "How to read this"]  # fmt: skip
    assert drawn.count("</table>") == 5 and "three seeds" in drawn.lower()
    assert "3 seeds together" in drawn and "6 no pit found" in drawn


def test_a_report_without_samples_or_rows_has_a_page_all_the_same(tmp_path: Path) -> None:
    greedy = row_of("base", {0: measured("RW", num_samples=0)})
    assert greedy.pass_at == {} and greedy.sampled is None and greedy.diversity is None
    write_recipe_report(tmp_path, "t", [greedy])
    drawn = page(read_recipe_report(tmp_path))
    assert "Several samples" not in drawn and "One seed" in drawn
    write_recipe_report(tmp_path, "t", [])
    assert "No stage was measured." in page(read_recipe_report(tmp_path))
    assert cells(read_recipe_report(tmp_path)) == []


def test_measuring_is_no_step_from_rows_to_pairs() -> None:
    counts = [StageCount("seed-0/measure/dpo", "Measuring dpo", 500, 500), StageCount("pairs", "Pairs", 5, 4)]
    drawn = page(RecipeReport("t", (), counts=tuple(counts)))
    assert "<h3>Pairs</h3>" in drawn and "<h3>Measuring" not in drawn and "Measuring dpo" in drawn


def test_seeds_of_a_stage_are_counted_together() -> None:
    counts = [StageCount("seed-0/a", "A", 5, 4, {"x": 1}), StageCount("seed-1/a", "A", 7, 4, {"y": 2, "x": 1})]
    [(found, num)] = summed(counts)
    assert (found.rows_in, found.rows_out, found.dropped, num) == (12, 8, {"x": 2, "y": 2}, 2)


def test_the_pictures_for_a_readme_are_files_of_their_own(rows: list[Row], tmp_path: Path) -> None:
    write_recipe_report(tmp_path, "t", rows)
    light, dark = write_pictures(read_recipe_report(tmp_path), tmp_path / "assets")
    assert (light.name, dark.name) == ("accuracy-light.svg", "accuracy-dark.svg")
    tree = ElementTree.fromstring(light.read_text())
    title = tree.find("{http://www.w3.org/2000/svg}title")
    assert title is not None and "three seeds" in (title.text or "")
    texts = ["".join(one.itertext()) for one in tree.iter("{http://www.w3.org/2000/svg}text")]
    assert "51.0 %" in texts and "40.0 %" in texts
    assert "#0d1117" in dark.read_text() and "#0d1117" not in light.read_text()


@pytest.mark.parametrize(
    ("values", "ticks"),
    [((0.61, 0.74), (0.6, 0.65, 0.7, 0.75)), ((-0.03, 0.08), (-0.05, -0.025, 0, 0.025, 0.05, 0.075, 0.1)), ((0.5,), 5)],
)
def test_ticks_are_round_and_hold_every_value(values: Sequence[float], ticks: object) -> None:
    scale = Scale.of(values)
    assert all(scale.low <= value <= scale.high for value in values)
    assert all(0 <= scale.at(value) <= 100 for value in values)
    if isinstance(ticks, tuple):
        assert scale.ticks == pytest.approx(ticks)


def test_shares_stay_within_the_page() -> None:
    assert Scale.of([0.97, 1.0], 0.0, 1.0).high == 1.0 and Scale.of([0.0, 0.01], 0.0, 1.0).low == 0.0
    assert Scale.of([float("nan")]).at(0.5) == 50.0
    assert points(-0.0001) == "0.0" and points(-0.012) == "−1.2"
