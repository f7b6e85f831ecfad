"""An outcome value model: a LoRA adapter and a scalar head, trained by transformers' Trainer on right and wrong traces.

    python -m training value --store S --out value-1             train on S's traces, and say how good it is
    python -m training value --store S --out value-1 --score     … and score all of S's traces

OVM, arXiv 2311.09724, and its code (FreedomIntelligence/OVM, utils/verifier_models.py, scripts/gsm8k): every token of a
sampled solution is told whether the solution came out right, so that the head learns the chance of a right answer from
each state; squared error, one epoch over 100 solutions a problem. MARIO (2401.08190) makes it an adapter of the solver.
Where people have flagged first wrong steps, `--target steps` or `both` learns from them.

No problem is both trained on and judged by, and the report (AUC, calibration) is of the held-out ones alone. No class
weights: they would bend the probabilities. A solution sampled five times is read once and counts five times.

Not covered: several processes; OVM's language-modelling loss beside the value's.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from reasoner.engines import BUILT_IN, engine_kind
from reasoner.errors import BadInput, RunError
from reasoner.records import Counts
from reasoner.store import Store
from training.loop import train_and_save, trainer_settings
from training.lora import resolve
from training.progress import EventLog
from training.value_model import (
    About,
    Follow,
    ValueModel,
    batches,
    build,
    likelihoods,
    load_value_model,
    score_store,
    write_about,
)
from training.value_net import HEAD, NUM_FEATURES, READS, Encoded, encode, linear_names, pad, stack
from training.value_report import Scored, ValueReport, judge_scores, write_value_report
from training.value_rows import TARGETS, ValueRow, collect_rows, split_by_problem

if TYPE_CHECKING:
    from torch import Tensor

FEWEST = 10  # right ones, and wrong ones, to train on. Ours: below this the head learns the traces, not the difference
LOSSES = ("bce", "mse")
REPORT = "value_report.json"
RIDGE = 1e-4  # of the regression the head begins with: keeps it finite where likelihoods part right from wrong. Ours


@dataclass(frozen=True)
class Args:
    """Settings of one value model; `python -m training value --help` is made from them."""

    out: Annotated[str, "run folder: events.jsonl, checkpoints, value/ and value_report.json go there"]
    store: Annotated[str, "the store (default: REASONER_STORE, else your data folder)"] = ""
    model: Annotated[str, "model folder, adapter folder or Hugging Face id"] = BUILT_IN
    adapter: Annotated[str, "adapter of that model to start from; empty: the model alone"] = ""
    target: Annotated[str, f"what a step is worth: {', '.join(TARGETS)} (outcome: OVM, arXiv 2311.09724)"] = "outcome"
    reads: Annotated[str, "what the head reads: hidden (OVM), likelihood (of the solution so far), both (ours)"] = (
        "both"
    )
    loss: Annotated[str, "bce (ours) or mse (OVM): both are least at the true chance"] = "bce"
    epochs: Annotated[float, "passes over the traces (OVM's code: 1)"] = 1.0
    learning_rate: Annotated[float, "of the adapter (ours, for LoRA; OVM tunes 7 B with 1e-5)"] = 2e-4
    head_rate: Annotated[float, "of the head (ours)"] = 1e-3
    warm_up: Annotated[float, "share of the steps, 0-1 (ours; OVM: 0)"] = 0.05
    batch: Annotated[int, "traces a step (ours)"] = 16
    optimizer: Annotated[str, "transformers' name (ours)"] = "adamw_torch"
    rank: Annotated[int, "LoRA rank (ours)"] = 16
    alpha: Annotated[int, "LoRA alpha (ours: twice the rank)"] = 32
    held_out: Annotated[float, "share of the problems to judge it by, 0-0.9 (ours)"] = 0.2
    seed: Annotated[int, "of the adapter's first weights, the order of rows and the split"] = 0
    max_seconds: Annotated[float, "stop after so many seconds and keep the adapter; 0: no bound"] = 0.0
    resume: Annotated[bool, "go on from the run folder's last checkpoint"] = False
    score: Annotated[bool, "score the store's traces, training first only where --out has no value model yet"] = False
    json: Annotated[bool, "print the report as JSON"] = False


def run(args: Args, should_stop: Callable[[], bool] = lambda: False, follow: Follow | None = None) -> ValueReport:
    """Train, judge on held-out problems, save. Raises BadInput, RunError or EngineError with what to do next."""
    check(args)
    started = time.perf_counter()
    out = Path(args.out)
    base, start = resolve(args.model, args.adapter)
    about = About(out.resolve().name[:80], base, start, args.target, args.loss, args.reads)
    net, engine = build(about)
    with open_store(args.store) as store:
        rows, counts = collect_rows(store, engine, args.target)
    train, held_out = split_by_problem(rows, args.held_out, args.seed)
    check_rows(train, counts)
    out.mkdir(parents=True, exist_ok=True)
    trainer = make_trainer(args, net, engine.tokenizer, train)
    train_and_save(args, trainer, base, "", should_stop, folder="value")
    write_about(about, (row.problem_id for row in train), out / "value")
    report = judge_rows(
        load_value_model(out),  # what was saved is what is judged
        held_out,
        args.seed,
        follow,
        num_trained=sum(row.num for row in train),
        train_right=sum(row.num for row in train if row.is_right),
        num_distinct=len(train),
        dropped=counts.dropped,
        seconds=time.perf_counter() - started,
    )
    write_value_report(report, out / REPORT)
    EventLog(out / "events.jsonl").write("judged", message=report.sentence())
    return report


def check(args: Args) -> None:
    """Raises BadInput or RunError for a setting that cannot be meant."""
    for name, choices in (("target", TARGETS), ("loss", LOSSES), ("reads", READS)):
        if getattr(args, name) not in choices:
            raise BadInput(f"--{name} must be one of {', '.join(choices)}, not {getattr(args, name)!r:.40}.")
    if not 0 <= args.held_out <= 0.9:
        raise BadInput(f"--held-out is a share of the problems from 0 to 0.9, not {args.held_out:g}.")
    if args.rank < 1 or args.batch < 1 or args.epochs <= 0:
        raise BadInput("--rank and --batch are at least 1, and --epochs is more than 0.")
    if engine_kind(args.model) != "local":
        raise RunError("A value model needs a model in this process: give a folder or a Hugging Face id with --model.")


def check_rows(train: Sequence[ValueRow], counts: Counts) -> None:
    """Raises RunError where there is too little of either kind to learn from."""
    right = sum(row.num for row in train if min(row.targets) == 1)
    wrong = sum(row.num for row in train) - right
    if right < FEWEST or wrong < FEWEST:
        raise RunError(
            f"{right} right and {wrong} wrong solutions are left to train on, and {FEWEST} of each are needed: solve "
            f"more problems, several times each (python -m reasoner solve). All the store's: {counts}."
        )


@dataclass(frozen=True)
class Example:
    """One row as the trainer's batches are made from it."""

    encoded: Encoded
    features: "Tensor"  # (tokens, features)
    targets: tuple[float, ...]  # one a step
    weight: float


def make_trainer(args: Args, net: Any, tokenizer: Any, rows: Sequence[ValueRow]) -> Any:
    """transformers' Trainer over the rows' tokens."""
    from peft import LoraConfig, get_peft_model
    from transformers import PrinterCallback, Trainer, TrainingArguments, set_seed

    set_seed(args.seed)
    model = get_peft_model(
        net,
        LoraConfig(
            r=args.rank,
            lora_alpha=args.alpha,
            lora_dropout=0.0,
            bias="none",
            target_modules=linear_names(net),
            modules_to_save=[HEAD],
        ),
    )
    examples = _examples(model, tokenizer, rows)
    _begin(model, examples)
    trainer = Trainer(
        model=model,
        args=TrainingArguments(**trainer_settings(args), remove_unused_columns=False),
        train_dataset=examples,
        data_collator=lambda batch: collate(batch, tokenizer),
        optimizers=(_optimizer(model, args), None),
    )
    trainer.remove_callback(PrinterCallback)  # the watch prints
    return trainer


def _begin(model: Any, examples: Sequence[Example]) -> None:
    """Set the head to the logistic regression of the states on the likelihoods; the hidden state's part stays zero.

    Three numbers can be told from few traces, hundreds cannot: the adapter learns what is left.
    """
    import torch
    from torch.nn.functional import binary_cross_entropy_with_logits

    net = model.get_base_model()
    read = torch.cat([example.features[list(example.encoded.ends)] for example in examples])
    read = read if net.reads != "hidden" else read[:, :0]  # then the head begins at the share that is right
    targets = torch.tensor([target for example in examples for target in example.targets])
    weights = torch.tensor([example.weight for example in examples for _ in example.targets])
    told = torch.zeros(read.shape[1] + 1, requires_grad=True)
    search = torch.optim.LBFGS([told], max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> "Tensor":
        search.zero_grad()
        logits = read @ told[:-1] + told[-1]
        value = binary_cross_entropy_with_logits(logits, targets, weights / weights.sum(), reduction="sum")
        value = value + RIDGE * told[:-1].square().sum()
        value.backward()
        return value

    search.step(loss)
    head = net.value_head.modules_to_save["default"]
    with torch.no_grad():
        head.bias.fill_(float(told[-1]))
        if read.shape[1]:
            head.weight[0, -read.shape[1] :] = told[:-1]


def _optimizer(model: Any, args: Args) -> Any:
    """The named optimizer, the head at a rate of its own: it reads what is there already."""
    from transformers import Trainer, TrainingArguments

    groups: tuple[list[Any], list[Any]] = ([], [])
    for name, weights in model.named_parameters():
        if weights.requires_grad:
            groups[HEAD in name].append(weights)
    kind, settings = Trainer.get_optimizer_cls_and_kwargs(TrainingArguments(**trainer_settings(args)))
    rates = ({"params": groups[False]}, {"params": groups[True], "lr": args.head_rate})
    return kind([*rates], **settings)


def _examples(model: Any, tokenizer: Any, rows: Sequence[ValueRow]) -> list[Example]:
    """Every row with what the solver itself thinks of it, which training does not change."""
    import torch

    encoded = [encode(tokenizer, row.solution) for row in rows]
    features: dict[int, Tensor] = {place: torch.zeros(len(one.ids), NUM_FEATURES) for place, one in enumerate(encoded)}
    is_read = model.get_base_model().reads != "hidden"
    for places in batches([len(one.ids) for one in encoded]) if is_read else ():
        found = likelihoods(model, [encoded[place] for place in places], tokenizer)
        features |= dict(zip(places, found, strict=True))
    return [
        Example(one, features[place], row.targets, float(row.num))
        for place, (one, row) in enumerate(zip(encoded, rows, strict=True))
    ]


def collate(batch: Sequence[Example], tokenizer: Any) -> "dict[str, Tensor]":
    """A batch: ids, mask, features, each solution token's target and weight; a solution's weights sum to its own."""
    import torch

    made = pad([example.encoded for example in batch], tokenizer)
    rows, length = made["input_ids"].shape
    targets, weights = torch.zeros(rows, length), torch.zeros(rows, length)
    for number, example in enumerate(batch):
        learnt = slice(example.encoded.start, len(example.encoded.ids))
        targets[number, learnt] = torch.tensor([example.targets[step] for step in example.encoded.steps])
        weights[number, learnt] = example.weight / len(example.encoded.steps)
    return made | {
        "features": stack([example.features for example in batch], length),
        "targets": targets,
        "weights": weights,
    }


def judge_rows(
    model: ValueModel, rows: Sequence[ValueRow], seed: int, follow: Follow | None = None, **about: Any
) -> ValueReport:
    """The report of a value model on held-out rows whose outcome is known."""
    known = [row for row in rows if row.is_right is not None]
    scores = model.score_solutions([row.solution for row in known], follow)
    scored = [
        Scored(row.problem_id, found, bool(row.is_right))
        for row, found in zip(known, scores, strict=True)
        for _ in range(row.num)
    ]
    told = model.about
    return judge_scores(scored, seed, name=told.name, model=told.model, target=told.target, reads=told.reads, **about)


def score(args: Args, follow: Follow | None = None) -> Counts:
    """Score the store's traces with the value model in `--out` and keep the scores."""
    model = load_value_model(args.out)
    with open_store(args.store) as store:
        return score_store(store, model, follow)


def open_store(path: str) -> Store:
    """The named store, which must be there, else the default one."""
    if path and not Path(path).is_file():
        raise RunError(f"There is no store at {path}: give the file the workbench was started with.")
    return Store(path) if path else Store.open_default()
