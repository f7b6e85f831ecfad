"""What a value model's run does: train on the store's traces, score them, compare its choice with the majority's.

Started as every run is (training/jobs.py, training/work.py), with settings whose kind is "value". Each stage is done
once, whatever was done before the run was killed.
"""

from reasoner.store import Store
from training import rerank, value
from training.rerank_report import read_rerank_report
from training.run_facts import note_read, snapshot
from training.value_model import is_value_model
from training.value_report import read_value_report
from training.work import Work

SAMPLES = 8  # a problem, for the comparison. Ours: half a minute for a hundred problems on one core


class ValueWork(Work):
    """One value model's run in its folder."""

    def run(self) -> None:
        """All stages. Raises what a stage raises."""
        if not (self.folder / value.REPORT).is_file():
            self.train()
        if self.stop.is_set():
            raise SystemExit(143)
        self.score()
        if self.settings.num_problems and not (self.folder / "rerank.json").is_file():
            self.compare()
        message = read_value_report(self.folder / value.REPORT).sentence()
        if self.settings.num_problems:
            message += ". " + read_rerank_report(self.folder / "rerank.json").sentence()
        print(message, flush=True)
        self.events.write("done", message=message + ".")

    def args(self) -> value.Args:
        """The stage's settings: the run's where it has them, else the value model's own defaults."""
        settings = self.settings
        return value.Args(
            out=str(self.folder),
            store=settings.store,
            model=settings.model,
            adapter=settings.adapter,
            rank=settings.rank,
            alpha=2 * settings.rank,
            seed=settings.seed,
            max_seconds=settings.max_seconds,
            resume=True,
        )

    def train(self) -> None:
        """The value model, from the last checkpoint if there is one."""
        self.stage("train", "Training a value model on the store's right and wrong solutions …")
        with Store(self.settings.store) as store:
            note_read(self.folder, "store", **snapshot(store))
        self.is_training = True
        value.run(self.args(), self.stop.is_set)
        self.is_training = False

    def score(self) -> None:
        """Scores of all the store's states, kept in the store."""
        assert is_value_model(self.folder)
        self.stage("score", "Scoring the store's solutions …")
        counts = value.score(self.args(), lambda done, total: self.progress("score", done, total))
        self.events.write("scored", counts={"kept": counts.kept, "dropped": counts.dropped})
        print(f"scored: {counts}", flush=True)

    def compare(self) -> None:
        """Its choice among samples of held-out problems against the majority's."""
        settings = self.settings
        self.stage("rerank", f"Solving {settings.num_problems} held-out problems {SAMPLES} times each …")
        rerank.run(
            rerank.Args(
                value=str(self.folder),
                problems=settings.num_problems,
                level=settings.level,
                seed=settings.problems_seed,
                format=settings.format,
                num=SAMPLES,
                out=str(self.folder / "rerank.json"),
            ),
            lambda part, done, total: self.progress(f"rerank {part}", done, total),
        )
