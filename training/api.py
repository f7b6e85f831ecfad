"""What programs may ask of training: the same things the Train and Compare tabs do, on plain JSON types.

    workbench.predict(max_pairs=100, api_name="/start_training")     {"run_id": "2026-11-20-0912-ab12"}
    workbench.predict(run_id="2026-11-20-0912-ab12", api_name="/get_run")

As in reasoner/api.py every argument is checked here, and the docstrings are what an MCP client reads.
"""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from reasoner import arguments
from reasoner.errors import BadInput
from reasoner.workbench import Workbench
from training import jobs, run_rules
from training.asking import ask
from training.pairs import preview_pairs
from training.progress import read_events

ORIGINS = ("both", "person", "machine")
MAX_PAIRS = 100_000
MAX_EVENTS = 200  # of a run, the latest, in one answer

Json = dict[str, Any]


class TrainingApi:
    """The functions, bound to one workbench. `functions()` lists them under the names programs use."""

    def __init__(self, workbench: Workbench) -> None:
        self.workbench = workbench

    def functions(self) -> dict[str, Callable[..., Any]]:
        """Name → function, for everything a program may call."""
        functions = (
            self.list_pairs,
            self.start_training,
            self.list_runs,
            self.get_run,
            self.cancel_training,
            self.use_adapter,
        )
        return {function.__name__: function for function in functions}

    def list_pairs(self, origin: str = "both", annotator: str = "", limit: int = 20) -> Json:
        """List the preference pairs that labels and machine pits give, and count what gives none, by reason.

        Args:
            origin: "person" (labels), "machine" (pits) or "both".
            annotator: Only this person's labels; empty for everybody's.
            limit: How many pairs to return, 1 to 1000.

        Returns:
            {"total": pairs at most, "pending": of them to be sampled, "dropped": {reason: rows}, "pairs": [...]}
        """
        preview = preview_pairs(
            self.workbench.store,
            origin=arguments.choice(origin, "origin", ORIGINS),
            annotator=arguments.text(annotator, "annotator", 80),
        )
        limit = arguments.whole(limit, "limit", 1, 1_000)
        return {
            "total": preview.num_pairs,
            "pending": len(preview.pending),
            "dropped": preview.counts.dropped,
            "pairs": [asdict(pair) for pair in preview.pairs[:limit]],
        }

    def start_training(
        self,
        origin: str = "both",
        annotator: str = "",
        max_pairs: int = 200,
        epochs: float = 3.0,
        seed: int = 0,
        num_problems: int = 200,
    ) -> Json:
        """Start fine-tuning the model in use on the preference pairs, in a process of its own, when it is its turn.

        One run at a time trains on each device; others wait in a queue.

        Args:
            origin: Whose flags: "person", "machine" or "both".
            annotator: Only this person's labels; empty for everybody's.
            max_pairs: Train on at most so many pairs.
            epochs: Passes over the pairs, 0.1 to 20.
            seed: Of sampling, of the adapter's first weights and of the order.
            num_problems: Held-out problems solved before and after, 0 to 5000.

        Returns:
            {"run_id": the run's id, for get_run and cancel_training, "key": on a Space, what cancel_training asks for}
        """
        settings = ask(
            self.workbench,
            origin=arguments.choice(origin, "origin", ORIGINS),
            annotator=arguments.text(annotator, "annotator", 80),
            max_pairs=arguments.whole(max_pairs, "max_pairs", 1, MAX_PAIRS),
            epochs=arguments.number(epochs, "epochs", 0.1, 20.0),
            seed=arguments.whole(seed, "seed", 0, 2**31 - 1),
            num_problems=arguments.whole(num_problems, "num_problems", 0, 5_000),
        )
        if not run_rules.is_shared(self.workbench):
            return {"run_id": run_rules.start(self.workbench, settings, "")}
        key = run_rules.new_key()
        return {"run_id": run_rules.start(self.workbench, settings, key), "key": key}

    def list_runs(self) -> list[Json]:
        """List all training runs, the newest first.

        Returns:
            [{"run_id", "state": "waiting", "running", "done", "failed" or "cancelled", "stage", "message", "adapter"}]
        """
        return [_run_json(run) for run in jobs.list_runs(self.workbench.store.data_folder)]

    def get_run(self, run_id: str) -> Json:
        """Get one training run: its state, what it was asked to do, and its latest events (loss, margin, accuracy).

        Args:
            run_id: The run, as start_training and list_runs give it.

        Returns:
            {"run_id", "state", "stage", "message", "adapter", "settings", "events": the latest 200}
        """
        run = self._run(run_id)
        events = read_events(run.folder / "events.jsonl")[-MAX_EVENTS:]
        return {**_run_json(run), "settings": asdict(run.settings), "events": events}

    def cancel_training(self, run_id: str, key: str = "") -> Json:
        """Cancel a run, or take it out of the queue. What it has learnt until its last checkpoint stays usable.

        Args:
            run_id: The run, as start_training and list_runs give it.
            key: On a Space: the key that start_training gave with the run; only its holder may cancel it.

        Returns:
            The run as get_run gives it, without events.
        """
        run = self._run(run_id)
        run_rules.check_owner(self.workbench, run, arguments.text(key, "key", 100))
        jobs.cancel(self.workbench.store.data_folder, run.id)
        return _run_json(self._run(run_id))

    def use_adapter(self, run_id: str = "") -> Json:
        """Let the adapter that a run made solve from now on.

        Args:
            run_id: The run whose adapter to use; empty for the model alone.

        Returns:
            {"solver": the model now in use, in words}
        """
        if arguments.text(run_id, "run_id"):
            adapter = self._run(run_id).adapter
            if adapter is None:
                raise BadInput(f"Run {run_id} has made no adapter yet. list_runs tells which have.")
            self.workbench.use_adapter(adapter)
        else:
            self.workbench.use_adapter(None)
        return {"solver": self.workbench.describe()}

    def _run(self, run_id: object) -> jobs.Run:
        return jobs.status(self.workbench.store.data_folder, arguments.text(run_id, "run_id", 100))


def _run_json(run: jobs.Run) -> Json:
    return {
        "run_id": run.id,
        "state": run.state,
        "stage": run.stage,
        "message": run.message,
        "created": run.created,
        "adapter": str(run.adapter) if run.adapter else None,
    }
