"""A trained value model: loaded from its folder, it says of each state of a trace how likely a right answer is.

    model = load_value_model("runs/value-1")
    [valuation] = model.value_many([(trace, problem)])
    valuation.scores                (0.71, 0.70, 0.02)       after each step, 0-1

The score of a state is read where its step ends: at the last token before the next step, at the end-of-sequence token
after the last one. In the folder lie the adapter and the head, as peft writes them (adapter_model.safetensors,
adapter_config.json), value.json, which says of what model, and problems.txt, the problems that were trained on.

Not covered: the state before the first step.
"""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reasoner.engines.local import LocalEngine
from reasoner.engines.local_loading import model_name
from reasoner.engines.prompts import is_plain, knows_tags
from reasoner.errors import EngineError, RunError
from reasoner.records import Counts, Maker, Problem, Trace, Valuation
from reasoner.store import Store
from training.lora import load_for_training
from training.value_net import Encoded, encode, make_net, pad, stack
from training.value_rows import Solution, problems_of, solution_of, why_not_readable

if TYPE_CHECKING:
    from torch import Tensor

ABOUT = "value.json"
PROBLEMS = "problems.txt"
WEIGHTS = "adapter_model.safetensors"
BATCH_TOKENS = 8_192  # scored together, padding included. Ours: a few seconds of the built-in solver on one core
BATCH_ROWS = 128
CHUNK = 1_000  # traces scored between two writes to the store

Follow = Callable[[int, int], None]
"""Called with solutions done and in all."""


@dataclass(frozen=True)
class About:
    """What a value model was made from; `value.json` in its folder."""

    name: str  # what its valuations are called by
    model: str  # folder or Hugging Face id
    adapter: str  # of the model, merged before the value's own; empty: the model alone
    target: str  # "outcome", "steps" or "both"
    loss: str  # "mse" or "bce"
    reads: str  # what the head reads: "both", "hidden" or "likelihood"


def build(about: About) -> tuple[Any, LocalEngine]:
    """The bare network, its head at zero, and an engine of the same model that renders and counts."""
    loaded, tokenizer = load_for_training(about.model, about.adapter)
    if about.adapter and hasattr(loaded, "peft_config"):
        raise EngineError(f"The adapter {about.adapter} could not be merged into {about.model}.")
    maker = Maker("local", model_name(about.model))
    engine = LocalEngine(loaded, tokenizer, maker, is_plain(about.model), knows_tags(about.model))
    return make_net(loaded, about.loss, about.reads), engine


class ValueModel:
    """A value model that scores traces."""

    def __init__(self, net: Any, engine: LocalEngine, about: About, trained_on: frozenset[str] = frozenset()) -> None:
        self.net = net  # peft's model around the network
        self.engine = engine
        self.about = about
        self.trained_on = trained_on  # ids of problems

    def why_not(self, trace: Trace, problem: Problem) -> str:
        """Why this trace cannot be scored, for a count of drops; empty when it can."""
        if not trace.steps:
            return "it has no steps"
        return why_not_readable(self.engine, solution_of(self.engine, trace, problem))

    def value_of(self, trace: Trace, problem: Problem) -> Valuation:
        """The valuation of one trace, one score a state. Raises RunError where it cannot be scored."""
        return self.value_many([(trace, problem)])[0]

    def value_many(self, rows: Sequence[tuple[Trace, Problem]], follow: Follow | None = None) -> list[Valuation]:
        """One valuation a trace. Raises RunError for a trace that cannot be scored (`why_not`)."""
        for trace, problem in rows:
            if reason := self.why_not(trace, problem):
                raise RunError(f"Solution {trace.id} cannot be scored: {reason}.")
        solutions = [solution_of(self.engine, trace, problem) for trace, problem in rows]
        scored = self.score_solutions(solutions, follow)
        now = time.time()
        return [
            Valuation(trace.id, self.about.name, scores, now) for (trace, _), scores in zip(rows, scored, strict=True)
        ]

    def score_solutions(self, solutions: Sequence[Solution], follow: Follow | None = None) -> list[tuple[float, ...]]:
        """The scores of each solution's states."""
        return [scores for scores, _ in self.score_and_likelihood(solutions, follow)]

    def score_and_likelihood(
        self, solutions: Sequence[Solution], follow: Follow | None = None
    ) -> list[tuple[tuple[float, ...], float]]:
        """For each solution its states' scores, and how likely the solver itself finds it (geometric mean, 0-1).

        The same solution is read once; batched by length.
        """
        distinct = list(dict.fromkeys(solutions))
        encoded = [encode(self.engine.tokenizer, solution) for solution in distinct]
        found: dict[Solution, tuple[tuple[float, ...], float]] = {}
        for places in batches([len(row.ids) for row in encoded]):
            rows = [encoded[place] for place in places]
            features = likelihoods(self.net, rows, self.engine.tokenizer)
            for place, scores, told in zip(places, self._score(rows, features), features, strict=True):
                found[distinct[place]] = scores, float(told[-1, 0])
            if follow:
                follow(len(found), len(distinct))
        return [found[solution] for solution in solutions]

    def _score(self, rows: Sequence[Encoded], features: "Sequence[Tensor]") -> list[tuple[float, ...]]:
        import torch

        batch = pad(rows, self.engine.tokenizer)
        batch["features"] = stack(features, batch["input_ids"].shape[1])
        with torch.inference_mode():
            scores = self.net(**_placed(batch, self.net))["logits"].sigmoid().cpu()
        return [tuple(float(scores[number, place]) for place in row.ends) for number, row in enumerate(rows)]


def likelihoods(net: Any, rows: Sequence[Encoded], tokenizer: Any) -> "list[Tensor]":
    """What the solver itself, the value's adapter off, thinks of each row's tokens: (its tokens, features)."""
    import torch

    own = net.get_base_model()
    with torch.inference_mode(), net.disable_adapter():
        found: list[Tensor] = own.likelihoods(_placed(pad(rows, tokenizer), net), [row.start for row in rows])
    return found


def batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """The places of `lengths`, short ones first, at most BATCH_TOKENS with the padding and BATCH_ROWS a batch."""
    batch: list[int] = []
    for place in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and (len(batch) == BATCH_ROWS or (len(batch) + 1) * lengths[place] > BATCH_TOKENS):
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch


def _placed(batch: "dict[str, Tensor]", net: Any) -> "dict[str, Tensor]":
    device = next(net.parameters()).device
    return {name: tensor.to(device) for name, tensor in batch.items()}


def write_about(about: About, trained_on: Iterable[str], folder: Path) -> None:
    """Write what the model was made from, and the ids of the problems it was trained on."""
    (folder / PROBLEMS).write_text(
        "".join(f"{problem_id}\n" for problem_id in sorted(set(trained_on))), encoding="utf-8"
    )
    (folder / ABOUT).write_text(json.dumps(asdict(about), indent=1), encoding="utf-8")


def is_value_model(folder: str | Path) -> bool:
    """Is there a finished value model in this folder, or in the `value` in it?"""
    return any((one / ABOUT).is_file() and (one / WEIGHTS).is_file() for one in (Path(folder), Path(folder) / "value"))


def load_value_model(folder: str | Path) -> ValueModel:
    """The value model of a folder or of the run in it. Raises RunError or EngineError with what to do next."""
    from peft import PeftModel

    folder = Path(folder)
    folder = folder / "value" if (folder / "value" / ABOUT).is_file() else folder
    try:
        about = About(**json.loads((folder / ABOUT).read_text(encoding="utf-8")))
        trained_on = frozenset((folder / PROBLEMS).read_text(encoding="utf-8").split())
    except (OSError, ValueError, TypeError) as error:
        raise RunError(
            f"{folder} is no value model's folder ({error}): train one with `python -m training value`."
        ) from error
    if not (folder / WEIGHTS).is_file():
        raise RunError(f"{folder} has no {WEIGHTS}: its training has not finished. Train it again.")
    net, engine = build(about)
    try:
        loaded = PeftModel.from_pretrained(net, str(folder), is_trainable=False)
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        first_line = str(error).strip().split("\n")[0]
        raise RunError(f"The value model in {folder} does not fit {about.model}: {first_line}") from error
    return ValueModel(loaded.eval(), engine, about, trained_on)


def score_store(store: Store, model: ValueModel, follow: Follow | None = None) -> Counts:
    """Score every trace of the store that the model can read, and keep the scores."""
    dropped: Counter[str] = Counter()
    rows: list[tuple[Trace, Problem]] = []
    for problem in problems_of(store):
        for trace in store.traces(problem.id):
            reason = model.why_not(trace, problem)
            if reason:
                dropped[reason] += 1
            else:
                rows.append((trace, problem))
    kept = unchanged = 0
    for start in range(0, len(rows), CHUNK):
        counts = store.add_valuations(model.value_many(rows[start : start + CHUNK]))
        kept, unchanged = kept + counts.kept, unchanged + counts.unchanged
        if follow:
            follow(min(start + CHUNK, len(rows)), len(rows))
    return Counts(kept, unchanged, dict(dropped))
