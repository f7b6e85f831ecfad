"""What a run's process does: pairs → adapter → report, each stage once, whatever was done before it was killed.

training/run_process.py runs it as a run's process.
"""

import json
import threading
import time
from dataclasses import asdict, replace
from pathlib import Path
from types import FrameType

from reasoner.engines import Engine, load_engine
from reasoner.errors import RunError
from reasoner.explore import explore_many, pits_of, why_not_explorable
from reasoner.records import Problem, Trace
from reasoner.store import Store
from training import dpo, rates
from training.evaluate import Pits, evaluate, held_out, save
from training.lora import resolve
from training.pairs import collect_pairs, read_pairs, write_pairs
from training.progress import EventLog, latest, read_events
from training.run_facts import hash_file, hash_model, note_read, snapshot
from training.run_process import do, work
from training.run_settings import Settings, read_settings

__all__ = ["Work", "do", "unexplored", "work"]


class Work:
    """One run in its folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.settings: Settings = read_settings(folder / "settings.json")
        self.events = EventLog(folder / "events.jsonl")
        self.stop = threading.Event()
        self.is_training = False
        self._last_progress = 0.0

    def run(self) -> None:
        """All stages. Raises what a stage raises."""
        if not (self.folder / "counts.json").is_file():
            self.explore()
            self.collect()
        if latest(read_events(self.events.path), "trained") is None:
            self.train()
        if self.stop.is_set():
            raise SystemExit(143)
        message = self.evaluate()
        self.events.write("done", message=message)

    def explore(self) -> None:
        """Machine pits of wrong traces that nobody has judged and no machine has explored, kept in the store.

        The adaptive search, told to show a way round the pit: a pair is made from a completion of the prefix before it.
        """
        settings = self.settings
        if not settings.num_explore or settings.origin == "person":
            return
        self.stage("explore", "Looking for pits in wrong traces that nobody has judged …")
        base, start = resolve(settings.model, settings.adapter)
        engine = load_engine(base, start)
        with Store(settings.store) as store:
            rows = unexplored(store, engine, settings.num_explore)
            found = explore_many(engine, rows, seed=settings.seed, earlier=pits_of(store), shows=True)
            for done, pit in enumerate(found, start=1):
                store.add_pit(pit)
                self.progress("explore", done, len(rows))

    def collect(self) -> None:
        """Pairs, with remainders sampled for the flags that have none."""
        self.stage("pairs", "Collecting pairs: sampling right remainders for the flagged steps …")
        base, start = resolve(self.settings.model, self.settings.adapter)
        engine = load_engine(base, start)
        began = time.monotonic()
        with Store(self.settings.store) as store:
            note_read(self.folder, "store", **snapshot(store))
            pairs, counts = collect_pairs(
                store,
                engine,
                origin=self.settings.origin,
                annotator=self.settings.annotator,
                max_pairs=self.settings.max_pairs,
                seed=self.settings.seed,
                follow=lambda done, total: self.progress("pairs", done, total),
            )
        self.events.write("pairs", counts=asdict(counts), seconds=time.monotonic() - began)
        print(f"pairs: {counts}", flush=True)
        if not pairs:
            raise RunError(
                f"No usable pairs: {counts}. Flag first wrong steps on the Walk tab, or explore wrong traces, "
                "then start again."
            )
        write_pairs(pairs, self.folder / "pairs.jsonl")
        note_read(self.folder, "pairs.jsonl", sha256=hash_file(self.folder / "pairs.jsonl"), rows=len(pairs))
        for name, path in (("model", base), ("adapter", start)):
            if path:
                note_read(self.folder, name, path=path, sha256=hash_model(path))
        (self.folder / "counts.json").write_text(json.dumps(asdict(counts)), encoding="utf-8")

    def train(self) -> None:
        """The adapter, from the last checkpoint if there is one."""
        settings = self.settings
        num = len(read_pairs(self.folder / "pairs.jsonl"))
        self.stage("train", f"Fine-tuning on {num} pairs …")
        args = dpo.Args(
            model=settings.model,
            adapter=settings.adapter,
            pairs=str(self.folder / "pairs.jsonl"),
            out=str(self.folder),
            epochs=settings.epochs,
            learning_rate=settings.learning_rate,
            beta=settings.beta,
            batch=settings.batch,
            loss=settings.loss,
            rank=settings.rank,
            alpha=2 * settings.rank,
            seed=settings.seed,
            max_seconds=settings.max_seconds,
            resume=True,
        )
        self.is_training = True
        dpo.run(args, self.stop.is_set)
        self.is_training = False
        rates.remember(self.folder.parent.parent, settings.model, read_events(self.events.path))

    def evaluate(self) -> str:
        """Before and after on held-out problems and at the pits; the headline."""
        settings = self.settings
        self.stage("evaluate", f"Solving {settings.num_problems} held-out problems before and after …")
        base, start = resolve(settings.model, settings.adapter)
        before = load_engine(base, start)
        after = load_engine(base, str(self.folder / "adapter"))
        pairs = read_pairs(self.folder / "pairs.jsonl")
        with Store(settings.store) as store:
            known = {pair.problem_id: store.problem(pair.problem_id) for pair in pairs}
        problems = held_out(settings.level, settings.num_problems, settings.problems_seed, known)
        report, comparisons = evaluate(
            before,
            after,
            problems,
            format=settings.format,
            pits=Pits(pairs, {problem_id: problem for problem_id, problem in known.items() if problem}),
            follow=lambda side, done, total: self.progress(f"evaluate {side}", done, total),
        )
        stopped = latest(read_events(self.events.path), "stopped")
        notes = (str(stopped["message"]),) if stopped else ()
        report = replace(report, level=settings.level, seed=settings.problems_seed, notes=notes)
        save(report, comparisons, self.folder)
        message = ". ".join(filter(None, [report.sentence().rstrip("."), report.pits_sentence()])) + "."
        print(message, flush=True)
        return message

    def stage(self, name: str, message: str) -> None:
        """A new stage begins."""
        self.events.write("stage", stage=name, message=message)
        print(message, flush=True)

    def progress(self, stage: str, done: int, total: int) -> None:
        """How far a stage is; at most twice a second, the last one always."""
        now = time.monotonic()
        if done < total and now - self._last_progress < 0.5:
            return
        self._last_progress = now
        self.events.write("progress", stage=stage, done=done, total=total)

    def asked_to_stop(self, number: int, frame: FrameType | None) -> None:
        """SIGTERM: a training loop ends after its step and keeps its adapter, anything else ends here."""
        self.stop.set()
        if not self.is_training:
            raise SystemExit(143)


def unexplored(store: Store, engine: Engine, num: int) -> list[tuple[Trace, Problem]]:
    """At most `num` wrong traces without a judgement or a pit, that the engine can continue; one a problem first."""
    judged = {label.trace_id for label in store.labels() if label.kind != "skip"}
    known = judged | {pit.trace_id for pit in store.pits()}
    bad = {label.problem_id for label in store.labels() if label.kind == "bad_problem"}
    rounds: list[list[tuple[Trace, Problem]]] = []
    for row in store.find_problems(verdict="wrong", limit=10_000):
        if row.problem.id in bad or engine.unknown_words(row.problem.question):
            continue
        wrong = [trace for trace in store.traces(row.problem.id) if trace.verdict.status == "wrong"]
        fitting = [
            trace for trace in wrong if trace.id not in known and not why_not_explorable(engine, trace, row.problem)
        ]
        for place, trace in enumerate(fitting):
            if place == len(rounds):
                rounds.append([])
            rounds[place].append((trace, row.problem))
    return [pair for one_each in rounds for pair in one_each][:num]
