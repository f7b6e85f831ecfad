"""The stages of Self-Explore for one seed, each of which says what it uses, what it comes after, and what it does.

one = OneSeed(Line(Path("run")), settings, seed=0)
generator = one.sft()               run/sft/model
one.sample(generator)               run/seed-0/sample/samples.jsonl
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from reasoner.engines.local_loading import adapter_name, model_name
from reasoner.errors import RunError
from reasoner.formats import format_named
from reasoner.records import Maker, Pair
from reasoner.scale.rows import trace_of, trace_row
from reasoner.store import Store
from training import dpo, sft
from training.lora import resolve
from training.pairs import collect_pairs, read_pairs, write_pairs
from training.recipes.begin import training_problems
from training.recipes.controls import drawn, with_same_solutions
from training.recipes.golds import gold_rows
from training.recipes.granular import Builder, as_chosen
from training.recipes.means import means_of
from training.recipes.outcome import outcome_pairs
from training.recipes.pits import How, Row, explore_into_folder, explored_in
from training.recipes.problems import read_lines, write_lines
from training.recipes.rft import rft_rows
from training.recipes.sampling import SEEDS_APART, STATUSES, count, fitting, read_samples, sample_into
from training.recipes.self_explore_settings import Settings
from training.recipes.solver import Solver, engine_of, reader_of, trained
from training.recipes.stages import Done, Line, Stage, Tally
from training.recipes.trainers import epochs_for, facts, num_updates, train


class OneSeed:
    """The line of one seed. Names of stages are folders in the recipe's folder."""

    def __init__(self, line: Line, settings: Settings, seed: int) -> None:
        self.line, self.settings, self.seed = line, settings, seed
        self.here = f"seed-{seed}/"
        self.sft_here = self.here if settings.sft_per_seed else ""
        self.drawn_from = seed * SEEDS_APART  # completion i has this seed + i
        self.samples = line.folder / self.here / "sample" / "samples.jsonl"
        self.base = Solver(*resolve(settings.model, ""))
        self.rft_epochs = settings.rft_epochs or settings.sft_epochs
        self.rft_rate = settings.rft_learning_rate or settings.sft_learning_rate
        self.main_pairs = ""  # the stage of self-explore's pairs

    # ── the paper's stages ───────────────────────────────────────────────────────────────────────────────────────

    def sft(self) -> Solver:
        """The model on the problems' own solutions."""
        if self.settings.skip_sft:
            return self.base
        rows = f"{self.sft_here}sft-set"
        self._stage(
            rows, "Collecting gold solutions", self._sft_set, self._uses("model", "format", "gold"), ["problems"]
        )
        seed = self.seed if self.settings.sft_per_seed else self.settings.seeds[0]
        return self._tune(f"{self.sft_here}sft", "Fine-tuning on gold solutions", self.base, rows, seed)

    def _sft_set(self, stage: Stage) -> Tally:
        problems = training_problems(self.line)
        engine = reader_of(self.base)
        prompts, dropped = fitting(engine, problems, format_named(self.settings.format))
        rows = gold_rows(problems, prompts, engine, self.settings.format, dropped, self.settings.gold)
        write_lines(rows, stage.folder / "rows.jsonl")
        return Tally(len(problems), len(rows), dict(dropped))

    def sample(self, generator: Solver) -> Done:
        """N solutions a problem by the generator."""
        settings = self.settings

        def work(stage: Stage) -> Tally:
            every, writing, dropped = training_problems(self.line), format_named(settings.format), Counter[str]()
            problems = drawn(every, settings.max_problems, self.seed, dropped, "sampled")
            engine = engine_of(generator, settings.server)
            prompts, unfit = fitting(engine, problems, writing)
            dropped.update(unfit)
            sampling = writing.sampling(settings.num_samples, settings.temperature, seed=self.drawn_from)
            sample_into(self.samples, engine, problems, prompts, writing, sampling, stage.progress)
            counts = count(self.samples)
            return Tally(len(every), sum(counts[status] for status in STATUSES), dict(dropped), dict(counts))

        words = f"Sampling {settings.num_samples} solutions a problem at temperature {settings.temperature:g}"
        uses = self._uses("model", "format", "num_samples", "temperature", "max_problems") | {"seed": self.seed}
        return self._stage(f"{self.here}sample", words, work, uses, ["problems", *self._sft_stage()])

    def rft_set(self) -> Done:
        """The right and distinct samples, at most 8 a problem."""

        def work(stage: Stage) -> Tally:
            rows: list[dict[str, str]] = []
            dropped, num = Counter[str](), 0
            for solved in read_samples(self.samples):
                own = rft_rows(solved, self.settings.rule, self.seed, dropped, self.settings.most)
                rows += [row | {"problem": solved.problem} for row in own]
                num += len(solved.samples)
            write_lines(rows, stage.folder / "rows.jsonl")
            told = {"problems with a right solution": len({row["problem"] for row in rows})}
            return Tally(num, len(rows), dict(+dropped), told)

        words = f"Keeping right and distinct solutions, at most {self.settings.most} a problem"
        return self._stage(f"{self.here}rft-set", words, work, self._uses("rule", "most"), [f"{self.here}sample"])

    def rft(self, generator: Solver) -> Solver:
        """The model on them."""
        start = generator if self.settings.rft_from == "sft" else self.base
        return self._tune(f"{self.here}rft", "Fine-tuning on them", start, f"{self.here}rft-set", self.seed)

    def outcome_pairs(self, generator: Solver) -> Done:
        """D_pair, and its wrong solutions as traces: a file that `python -m reasoner explore` reads as well."""
        settings = self.settings
        kind = "server" if settings.server else "local"
        adapter = adapter_name(generator.adapter) if generator.adapter and not settings.server else ""
        name = generator.name if settings.server else model_name(generator.model)
        maker = Maker(kind, name, adapter, temperature=settings.temperature, top_p=1.0)

        def work(stage: Stage) -> Tally:
            rows: dict[str, list[Any]] = defaultdict(list)
            for row in read_lines(self._file(f"{self.here}rft-set", "rows.jsonl")):
                rows[str(row["problem"])].append(row)
            problems = {problem.id: problem for problem in training_problems(self.line)}
            pairs, traces, dropped = list[Pair](), list[Any](), Counter[str]()
            for solved in read_samples(self.samples):
                problem, own = problems[solved.problem], rows.get(solved.problem, [])
                for pair, trace in outcome_pairs(problem, solved, own, settings.rule, settings.format, maker, dropped):
                    pairs.append(pair)
                    traces.append(trace_row(trace, problem))
            write_pairs(pairs, stage.folder / "pairs.jsonl")
            write_lines(traces, stage.folder / "wrong.jsonl")
            told = {"problems": len({pair.problem_id for pair in pairs})}
            return Tally(sum(map(len, rows.values())), len(pairs), dict(dropped), told)

        after = [f"{self.here}sample", f"{self.here}rft-set"]
        words = "Pairing each with a wrong solution"
        return self._stage(f"{self.here}outcome-pairs", words, work, self._uses("rule", "format"), after)

    def granular_pairs(self, name: str, own: Settings, explorer: Solver) -> Done:
        """D_g-pair by these settings; variants that explore alike share the exploration."""
        end = "" if own.chosen == "remainder" else f"-{own.chosen}"
        if own.pits == "person":
            done = self._person_pairs(own, explorer, f"{self.here}pairs/person{end}")
            if name == "self-explore":
                self.main_pairs = done.name
            return done
        kind = own.pits + ("" if own.explorer == "rft" else f"-by-{own.explorer}")
        main = [] if name == "self-explore" or own.pits not in ("oracle", "random") else [self.main_pairs]
        after = [f"{self.here}outcome-pairs", *self._made_by(own.explorer), *main]
        explored = self._stage(
            f"{self.here}explore/{kind}",
            f"Looking for the first pits ({own.pits}, {own.k} completions a prefix at temperature {own.temperature:g})",
            lambda stage: self._explore(stage, own, explorer, main),
            {"pits": own.pits, "k": own.k, "temperature": own.temperature, "seed": self.seed},
            after,
        )
        done = self._stage(
            f"{self.here}pairs/{kind}{end}",
            f"Making granular pairs, chosen is the {own.chosen}",
            lambda stage: self._granular(stage, own, explored, explorer),
            {name: getattr(own, name) for name in ("chosen", "max_length", "max_pairs", "differs")}
            | {"seed": self.seed},
            [explored.name, f"{self.here}outcome-pairs"],
        )
        if name == "self-explore":
            self.main_pairs = done.name
        return done

    def _explore(self, stage: Stage, own: Settings, explorer: Solver, main: Sequence[str]) -> Tally:
        """All wrong solutions of D_pair; for a control those that gave a pair."""
        rows: list[Row] = [trace_of(row) for row in read_lines(self._file(f"{self.here}outcome-pairs", "wrong.jsonl"))]
        num, dropped = len(rows), {}
        if main:
            used = {pair.trace_id for pair in read_pairs(self._file(main[0], "pairs.jsonl"))}
            rows = [row for row in rows if row[0].id in used]
            dropped = {"gave no pair to self-explore, to which this is compared": num - len(rows)}
        pairs = read_pairs(self._file(f"{self.here}outcome-pairs", "pairs.jsonl"))
        whole = {pair.trace_id: pair.chosen for pair in pairs}
        how = How(own.pits, own.k, own.temperature, self.drawn_from, explorer.model, explorer.adapter, own.differs)
        engine = engine_of(explorer, own.server)
        counts = explore_into_folder(stage.folder, engine, rows, how, stage.progress, whole)
        dropped |= dict(counts.left_out)
        told = {"first pits": counts.found, "without": counts.none, "completions": counts.completions,
                "tokens": counts.tokens}  # fmt: skip
        return Tally(num, counts.explored, {reason: num for reason, num in dropped.items() if num}, told)

    def _granular(self, stage: Stage, own: Settings, explored: Done, explorer: Solver) -> Tally:
        found = explored_in(explored.folder)
        builder = Builder(own.chosen, reader_of(explorer), own.max_length, own.differs)
        for pair in read_pairs(self._file(f"{self.here}outcome-pairs", "pairs.jsonl")):
            if pair.trace_id in found:
                builder.add(found[pair.trace_id], pair)
        pairs = drawn(builder.pairs, own.max_pairs, self.seed, builder.dropped)
        write_pairs(pairs, stage.folder / "pairs.jsonl")
        steps = Counter(f"pit at step {pair.step + 1}" for pair in pairs)
        return Tally(len(found), len(pairs), dict(builder.dropped), dict(sorted(steps.items())))

    def _person_pairs(self, own: Settings, explorer: Solver, name: str) -> Done:
        """From people's labels in a store: their own wrong traces, with right ways on sampled where there are none."""

        def work(stage: Stage) -> Tally:
            if not Path(own.store).is_file():
                raise RunError(f"There is no store at {own.store}: name the one that people label in with --store.")
            with Store(own.store) as store:
                found, counts = collect_pairs(
                    store, engine_of(explorer, own.server), origin="person", seed=self.drawn_from,
                    max_pairs=own.max_pairs, follow=stage.progress,
                )  # fmt: skip
            dropped = Counter(counts.dropped)
            known = {problem.id for problem in training_problems(self.line)}
            pairs = [as_chosen(pair, own.chosen) for pair in found if pair.problem_id in known]
            dropped["of a problem that is not learnt from"] += len(found) - len(pairs)
            write_pairs(pairs, stage.folder / "pairs.jsonl")
            return Tally(len(pairs) + dropped.total(), len(pairs), dict(+dropped))

        uses = {"chosen": own.chosen, "max_pairs": own.max_pairs, "seed": self.seed, "store": own.store}
        after = ["problems", *self._made_by(own.explorer)]
        return self._stage(name, "Making pairs of people's labels", work, uses, after)

    def dpo(self, name: str, own: Settings, explorer: Solver, pairs: Done) -> Solver:
        """DPO on these pairs, from the explorer of the paper, which is the reference as well."""

        def work(stage: Stage) -> Tally:
            rows = pairs.tally.rows_out
            solver = train("dpo", _args(dpo.Args, model=explorer.model, adapter=explorer.adapter,
                pairs=str(pairs.folder / "pairs.jsonl"), out=str(stage.folder), epochs=own.epochs, beta=own.beta,
                learning_rate=own.learning_rate, warm_up=own.warm_up, batch=own.batch, optimizer=own.optimizer,
                loss=own.loss, **self._common(self.seed)), means_of(own))  # fmt: skip
            return Tally(rows, rows, {}, facts(stage.folder) | {"pairs": rows, "solver": solver.name})

        names = ("epochs", "beta", "learning_rate", "warm_up", "batch", "optimizer", "loss", "rank", "precision")
        uses = {key: getattr(own, key) for key in names} | {"seed": self.seed}
        words = f"Training {name} on {pairs.tally.rows_out:,} pairs ({'+'.join(own.loss)})"
        return trained(self._stage(f"{self.here}train/{name}", words, work, uses, [pairs.name, *self._made_by("rft")])
                       .folder)  # fmt: skip

    # ── controls ─────────────────────────────────────────────────────────────────────────────────────────────────

    def same_outcome_pairs(self) -> Done:
        """The outcome pairs of the wrong solutions that gave granular pairs: the same problems, the same number."""

        def work(stage: Stage) -> Tally:
            pairs = read_pairs(self._file(f"{self.here}outcome-pairs", "pairs.jsonl"))
            dropped = Counter[str]()
            kept = with_same_solutions(pairs, read_pairs(self._file(self.main_pairs, "pairs.jsonl")), dropped)
            write_pairs(kept, stage.folder / "pairs.jsonl")
            return Tally(len(pairs), len(kept), dict(dropped))

        after = [f"{self.here}outcome-pairs", self.main_pairs]
        return self._stage(
            f"{self.here}pairs/outcome", "Taking the outcome pairs of the same solutions", work, {}, after
        )

    def more_sft(self, generator: Solver) -> Solver:
        """SFT trained on for as many updates as RFT and DPO took together."""
        settings, rows = self.settings, self.line.done[f"{self.sft_here}sft-set"]
        rft_rows_out = self.line.done[f"{self.here}rft-set"].tally.rows_out
        updates = num_updates(rft_rows_out, settings.sft_batch, self.rft_epochs)
        pairs = self.line.done[self.main_pairs].tally.rows_out
        updates += num_updates(pairs, settings.batch, settings.epochs)
        epochs = epochs_for(updates, rows.tally.rows_out, settings.sft_batch)
        words = f"Fine-tuning on gold solutions for {updates} further updates"
        after = [f"{self.sft_here}sft", f"{self.here}rft-set", self.main_pairs]
        return self._tune(f"{self.here}train/more-sft", words, generator, rows.name, self.seed, epochs, after)

    # ── what they share ──────────────────────────────────────────────────────────────────────────────────────────

    def _tune(
        self, name: str, words: str, start: Solver, rows: str, seed: int, epochs: float = 0, after: Sequence[str] = ()
    ) -> Solver:
        """Fine-tune `start` on the rows of the stage `rows`."""
        settings, num = self.settings, self.line.done[rows].tally.rows_out
        is_first = rows.endswith("sft-set") and not after
        epochs = epochs or (settings.sft_epochs if is_first else self.rft_epochs)
        rate = settings.sft_learning_rate if is_first else self.rft_rate

        def work(stage: Stage) -> Tally:
            if not num:
                raise RunError(f"{words}: there are none. {self.line.done[rows].tally.dropped}")
            solver = train("sft", _args(sft.Args, model=start.model, adapter=start.adapter, out=str(stage.folder),
                rows=str(self._file(rows, "rows.jsonl")), epochs=epochs, learning_rate=rate,
                warm_up=settings.sft_warm_up, batch=settings.sft_batch, optimizer=settings.sft_optimizer,
                **self._common(seed)), means_of(settings))  # fmt: skip
            return Tally(num, num, {}, facts(stage.folder) | {"solver": solver.name})

        names = ["model", "sft_warm_up", "sft_batch", "sft_optimizer", "rank", "precision"]
        names += ["rft_from"] if name.endswith("/rft") else []
        uses = self._uses(*names) | {"epochs": epochs, "learning_rate": rate, "seed": seed}
        needed = [rows, *after] if after or name.endswith("sft") else [rows, *self._sft_stage()]
        return trained(self._stage(name, f"{words}: {num:,} rows", work, uses, needed).folder)

    def _common(self, seed: int) -> dict[str, Any]:
        settings = self.settings
        return {"rank": settings.rank, "alpha": 2 * settings.rank or 32, "seed": seed, "precision": settings.precision}

    def _stage(
        self, name: str, words: str, work: Callable[[Stage], Tally], uses: Mapping[str, Any], after: Sequence[str]
    ) -> Done:
        return self.line.stage(name, words, work, uses=uses, after=list(dict.fromkeys(after)))

    def _uses(self, *names: str) -> dict[str, Any]:
        return {name: getattr(self.settings, name) for name in names}

    def _file(self, stage: str, name: str) -> Path:
        return self.line.folder / stage / name

    def _sft_stage(self) -> list[str]:
        return [] if self.settings.skip_sft else [f"{self.sft_here}sft"]

    def _made_by(self, solver: str) -> list[str]:
        """The stage that trained the rft or sft model."""
        return [f"{self.here}rft"] if solver == "rft" else self._sft_stage()


def _args(kind: type[Any], **values: Any) -> Any:
    """The trainer's settings; what it does not know is left out."""
    known = {item.name for item in fields(kind)}
    return kind(**{name: value for name, value in values.items() if name in known})
