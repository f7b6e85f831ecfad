"""Kwai-STaR, top to bottom (arXiv 2411.04799): a solver that checks itself and goes back.

    python -m training recipe kwai-star --preset built-in --out runs/kwai-star
    python -m training recipe kwai-star --model M --problems train.jsonl --held-out test.jsonl --source explore …

    problems        what is learnt from, and what is measured on
    words           a solver of whole words learns "Verify", "Backtrack" … (new_words.py); others pass
    slips           the model's own solutions: the wrong ones have the slips that are to be seen
    rows            right paths that check themselves, and slips that are taken back (kwai_rows.py), easy to hard
    fundamental     SFT on them, one part after the other, the easiest first
    sft             the control: SFT on the same problems' solutions with nothing checked, for as many updates
    paths           solutions of the fundamental model
    pairs           how its wrong paths went on, against Verify, Backtrack and the corrected states (kwai_pairs.py)
    kwai-star       the advanced stage: DPO on them, the reference being the fundamental model
    measure, report accuracy; how often it verifies, how often that is right, what going back repairs, tokens; against
                    the control, and against its majority vote at the same number of tokens

Not published, so ours: the grammar (reasoner/actions.py), the wording of a Verify (training/verifying.py), all
hyperparameters. The paper has some 20 K fundamental solutions and 3 K pairs.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from reasoner.engines import Engine
from reasoner.errors import RunError
from reasoner.explore import explore_many
from reasoner.formats import format_named
from reasoner.records import Completion, Pair, Problem, Trace
from reasoner.solve import trace_of
from reasoner.store import Store
from training.lora import resolve
from training.pairs import collect_pairs, write_pairs
from training.recipes.begin import held_out_problems, training_problems
from training.recipes.controls import drawn
from training.recipes.kwai_figures import against_voting, checking
from training.recipes.kwai_pairs import corrected_pairs, sampled_pairs
from training.recipes.kwai_rows import corrected_rows, ordered, plain_rows, right_rows, slip_rows, taught_rows
from training.recipes.kwai_settings import PRESETS, Settings, check
from training.recipes.means import means_of
from training.recipes.measured import Measured
from training.recipes.new_words import with_words
from training.recipes.paper_report import Story, report
from training.recipes.parts import Measuring, Tuning, choose, measured_row, opened, prefer, sample, tune
from training.recipes.problems import write_lines
from training.recipes.sampling import SEEDS_APART, Solved, fitting, read_samples
from training.recipes.solver import Solver, engine_of
from training.recipes.stages import Line, Stage, Tally
from training.recipes.trainers import epochs_for, num_updates
from training.verifying import WORDS

__all__ = ["PRESETS", "Settings", "run"]

ROWS = ("base", "sft", "fundamental", "kwai-star")
WORDS_OF_ROWS = (
    "the model as it was",
    "SFT on right solutions without checks, as many updates",
    "SFT on right solutions that check themselves, and slips taken back",
    "and DPO: a wrong path against seeing it and going back",
)


def run(settings: Settings) -> Path:
    """Do the whole line, or go on with it; the report. Raises WorkbenchError with what to do next."""
    check(settings)
    with opened(settings, "kwai-star") as line:
        choose(line, settings.problems, settings.held_out)
        base = _with_words(line, settings)
        measured: dict[str, dict[int, Measured]] = {}
        for seed in settings.seeds:
            for name, found in _OneSeed(line, settings, seed, base).run().items():
                measured.setdefault(name, {})[seed] = found
        return report(line, "Kwai-STaR", measured, _story(line, measured))


def _with_words(line: Line, settings: Settings) -> Solver:
    """The model, with the words of Verify and Backtrack if it lacks any."""
    start = Solver(*resolve(settings.model, ""))

    def work(stage: Stage) -> Tally:
        engine = engine_of(start)
        unknown = engine.unknown_words(WORDS)
        if not unknown:
            return Tally(0, 0)
        added = with_words(start, WORDS, stage.folder / "model")
        return Tally(len(unknown), len(added), facts={"added": added})

    done = line.stage("words", "Words that the model lacks", work, uses={"model": settings.model, "words": WORDS})
    return Solver(str(done.folder / "model")) if done.tally.rows_out else start


class _OneSeed:
    """The stages of one seed; names of stages are folders in the recipe's folder."""

    def __init__(self, line: Line, settings: Settings, seed: int, base: Solver) -> None:
        self.line, self.settings, self.seed, self.base = line, settings, seed, base
        self.here = f"seed-{seed}/"
        self.problems = training_problems(line)
        self.by_id = {problem.id: problem for problem in self.problems}

    def run(self) -> dict[str, Measured]:
        """All stages: row of the report → how its solver does."""
        settings = self.settings
        slips = self._sample("slips", self.base, settings.slip_samples, ["problems", "words"])
        bands = self._rows(slips)
        fundamental, last = self._fundamental(bands)
        control = self._control(bands)
        pairs = self._pairs(fundamental, last)
        tuning = self._tuning(settings.epochs, settings.learning_rate, settings.batch, settings.rank)
        words = "Preferring to see a slip and go back (DPO)"
        after = [f"{self.here}pairs", last]
        star = prefer(self.line, f"{self.here}kwai-star", words, fundamental, pairs, tuning, after)
        solvers = dict(zip(ROWS, (self.base, control, fundamental, star), strict=True))
        afters = dict(zip(ROWS, ("words", f"{self.here}sft", last, f"{self.here}kwai-star"), strict=True))
        how = Measuring(settings.measured_samples, settings.temperature, server=settings.server)
        held_out = held_out_problems(self.line)
        return {
            name: measured_row(self.line, name, solver, held_out, how, self.seed, ["problems", afters[name]])
            for name, solver in solvers.items()
        }

    def _tuning(self, epochs: float, learning_rate: float, batch: int, rank: int) -> Tuning:
        own = self.settings
        return Tuning(epochs, learning_rate, batch, rank, self.seed, own.beta, means_of(own))

    def _sample(self, name: str, solver: Solver, num: int, after: list[str]) -> Path:
        words = f"Sampling {num} solutions a problem at T = {self.settings.temperature:g}"
        return sample(
            self.line, f"{self.here}{name}", words, solver, self.problems, num=num, server=self.settings.server,
            temperature=self.settings.temperature, seed=self.seed * SEEDS_APART, after=after,
        )  # fmt: skip

    def _rows(self, slips: Path) -> int:
        """The fundamental rows in parts, and the control's; how many parts."""
        settings = self.settings

        taught = self._taught() if settings.teacher or settings.teacher_server else slips

        def work(stage: Stage) -> Tally:
            engine, dropped = engine_of(self.base), Counter[str]()
            prompts, unfit = fitting(engine, self.problems, format_named("transitions"))
            dropped.update(unfit)
            own = taught_rows(self.by_id, read_samples(taught), engine, dropped)
            plain = plain_rows(self.problems, prompts, engine, Counter()) + own
            right = right_rows(self.problems, prompts, engine, dropped) + own
            slipped = slip_rows(self.by_id, read_samples(slips), engine, settings.most_slips, dropped)
            if settings.source == "store":
                slipped += corrected_rows(self._stored(stage, engine, Path(settings.store), dropped)[0])
            if not right:
                raise RunError(f"There are no right solutions to learn from: {dict(dropped)}.")
            parts = ordered([*right, *slipped], settings.bands)
            for number, part in enumerate(parts, start=1):
                write_lines(part, stage.folder / f"part-{number}.jsonl")
            write_lines(plain, stage.folder / "plain.jsonl")
            told = {"right": len(right), "slips": len(slipped), "plain": len(plain), "parts": [len(p) for p in parts]}
            return Tally(len(right) + len(slipped) + dropped.total(), len(right) + len(slipped), dict(dropped), told)

        uses: dict[str, Any] = {"most_slips": settings.most_slips, "bands": settings.bands}
        uses |= {"store": settings.store} if settings.source == "store" else {}
        done = self.line.stage(f"{self.here}rows", "Right paths that check themselves, and slips taken back", work,
                               uses=uses, after=["problems", "words", *dict.fromkeys([f"{self.here}slips",
                               taught.parent.relative_to(self.line.folder).as_posix()])])  # fmt: skip
        return len(done.tally.facts["parts"])

    def _taught(self) -> Path:
        """A teacher's solutions of the problems that were not generated."""
        own = self.settings
        problems = [problem for problem in self.problems if not problem.spec]
        words = "Sampling the teacher's solutions"
        return sample(
            self.line, f"{self.here}teacher", words, Solver(own.teacher), problems, num=own.slip_samples,
            server=own.teacher_server, temperature=own.temperature, seed=self.seed * SEEDS_APART, after=["problems"],
        )  # fmt: skip

    def _fundamental(self, bands: int) -> tuple[Solver, str]:
        """SFT on each part, the easiest first; the solver and the last stage's name."""
        settings, solver, last = self.settings, self.base, f"{self.here}rows"
        tuning = self._tuning(settings.sft_epochs, settings.sft_learning_rate, settings.sft_batch, settings.sft_rank)
        for number in range(1, bands + 1):
            name = f"{self.here}fundamental/part-{number}"
            rows = self.line.folder / f"{self.here}rows" / f"part-{number}.jsonl"
            words = f"Fine-tuning on part {number} of {bands}, easy to hard"
            solver = tune(self.line, name, words, solver, rows, tuning, [f"{self.here}rows", last])
            last = name
        return solver, last

    def _control(self, bands: int) -> Solver:
        """SFT on the same problems' solutions without checks, for as many updates."""
        settings = self.settings
        told = self.line.done[f"{self.here}rows"].tally.facts
        updates = sum(num_updates(num, settings.sft_batch, settings.sft_epochs) for num in told["parts"])
        epochs = epochs_for(updates, told["plain"], settings.sft_batch)
        tuning = self._tuning(epochs, settings.sft_learning_rate, settings.sft_batch, settings.sft_rank)
        rows = self.line.folder / f"{self.here}rows" / "plain.jsonl"
        words = f"Fine-tuning on the same solutions without checks, {updates} updates too"
        return tune(self.line, f"{self.here}sft", words, self.base, rows, tuning, [f"{self.here}rows"])

    def _pairs(self, fundamental: Solver, last: str) -> Path:
        settings, after = self.settings, [last]
        if settings.source != "store":
            self._sample("paths", fundamental, settings.num_samples, [last])
            after = [f"{self.here}paths"]

        def work(stage: Stage) -> Tally:
            engine, dropped = engine_of(fundamental, settings.server), Counter[str]()
            if settings.source == "oracle":
                solved = list(read_samples(self.line.folder / self.here / "paths" / "samples.jsonl"))
                is_careful = settings.alarms == "yes"
                pairs = sampled_pairs(self.by_id, solved, engine, settings.most_pairs, dropped, is_careful)
                num = sum(len(one.samples) for one in solved)
            else:
                path = Path(settings.store) if settings.source == "store" else self._explored(stage, engine)
                pairs, num = self._stored(stage, engine, path, dropped)
            if not pairs:
                raise RunError(f"No pairs to train on: {dict(dropped)}. Sample more (--num-samples), or label more.")
            pairs = drawn(pairs, settings.max_pairs, self.seed, dropped)
            write_pairs(pairs, stage.folder / "pairs.jsonl")
            return Tally(num, len(pairs), dict(dropped), dict(Counter(pair.by for pair in pairs)))

        uses = {"source": settings.source, "most": settings.most_pairs, "alarms": settings.alarms, "k": settings.k}
        uses |= {"store": settings.store, "seed": self.seed, "max_pairs": settings.max_pairs}
        words = "Wrong paths against the same with Verify, Backtrack and corrected states"
        done = self.line.stage(f"{self.here}pairs", words, work, uses=uses, after=after)
        return done.folder / "pairs.jsonl"

    def _stored(self, stage: Stage, engine: Engine, path: Path, dropped: Counter[str]) -> tuple[list[Pair], int]:
        """Pairs of going back from a store's labels and pits, and how many flags there were."""
        if not path.is_file():
            raise RunError(f"There is no store at {path}: give the file the workbench was started with.")
        with Store(path) as store:
            found, counts = collect_pairs(store, engine, seed=self.seed * SEEDS_APART, follow=stage.progress)
            traces = {pair.trace_id: trace for pair in found if (trace := store.trace(pair.trace_id))}
        dropped.update(counts.dropped)
        return corrected_pairs(found, traces, engine, dropped), len(found) + sum(counts.dropped.values())

    def _explored(self, stage: Stage, engine: Engine) -> Path:
        """A store of the sampled wrong paths with their first pits, taken up again after a kill."""
        path = stage.folder / "explored.sqlite"
        solved = read_samples(self.line.folder / self.here / "paths" / "samples.jsonl")
        rows = list(_wrong_traces(engine, self.by_id, solved, self.settings))
        with Store(path) as store:
            store.add_problems(dict.fromkeys(problem for _, problem in rows))
            store.add_traces(trace for trace, _ in rows)
            known = {pit.trace_id for pit in store.iter_pits()}
            left = [row for row in rows if row[0].id not in known]
            pits = explore_many(
                engine, iter(left), k=self.settings.k, temperature=self.settings.temperature, seed=self.seed,
                shows=True, refused=lambda trace, reason: None,
            )  # fmt: skip
            for done, pit in enumerate(pits, start=1):
                store.add_pit(pit)
                stage.progress(done, len(left))
        return path


def _wrong_traces(
    engine: Engine, problems: dict[str, Problem], solved: Iterable[Solved], settings: Settings
) -> Iterator[tuple[Trace, Problem]]:
    """The sampled wrong paths as traces, at most so many a problem."""
    writing = format_named("transitions")
    for one in solved:
        problem = problems[one.problem]
        for sampled in one.of("wrong")[: settings.most_pairs]:
            sampling = writing.sampling(1, settings.temperature, seed=sampled.seed)
            completion = Completion(sampled.text, sampled.num_tokens, True)
            yield trace_of(engine, problem, writing, one.prompt, completion, sampling), problem


def _story(line: Line, measured: dict[str, dict[int, Measured]]) -> Story:
    """What the report says beside its rows."""
    problems = {problem.id: problem for problem in held_out_problems(line)}
    story = Story(words=dict(zip(ROWS, WORDS_OF_ROWS, strict=True)))
    for seed in next(iter(measured.values())):
        parts = sorted(name for name in line.done if name.startswith(f"seed-{seed}/fundamental/"))
        for name, stage in (
            ("sft", f"seed-{seed}/sft"),
            ("fundamental", parts[-1]),
            (ROWS[-1], f"seed-{seed}/kwai-star"),
        ):
            story.trained.setdefault(name, []).append(stage)
    for name, by_seed in measured.items():
        for seed, found in by_seed.items():
            figures = checking(problems, found.outcomes)
            story.figures[f"{name}, seed {seed}"] = asdict(figures)
            story.notes += [f"{name}, seed {seed}: {words}" for words in figures.sentences()]
            vote = against_voting(found, measured["sft"][seed]) if name in ("fundamental", "kwai-star") else None
            if vote is not None:
                story.figures[f"{name} against voting, seed {seed}"] = asdict(vote)
                story.notes.append(
                    f"{name}, seed {seed}, against the majority of {vote.k} samples of sft ({vote.tokens:.0f} tokens, "
                    f"{vote.accuracy}): {100 * vote.delta:+.1f} points ({100 * vote.low:+.1f} to "
                    f"{100 * vote.high:+.1f}, p = {vote.p:.2g})"
                )
    return story
