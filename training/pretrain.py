"""The built-in solver, trained from scratch on a fixed set of generated problems: `make model`.

    python -m training.pretrain --out assets/model/solver               # one CPU core, about two hours
    python -m training.pretrain --preset gpu --out /tmp/larger          # a GPU, minutes

A Qwen3 decoder (QK-norm keeps it stable at Muon's rates), whole-word tokens, short problems first, every problem seen
once. It learns to read in state transitions alone (two rounds), then to write every format and key points (the third):
one question, several solutions, in a row (training/branches.py). Muon (torch.optim.Muon) on the matrices, AdamW on the
rest. The attempts are in assets/LOG.md.
"""

import argparse
import json
import math
import random
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reasoner.formats import FORMATS
from reasoner.keypoints import TAG, as_text, with_key_points
from reasoner.records import Problem
from training.branches import Branch, batches, collate, encode_rows
from training.solutions import gold_key_points, gold_solution
from training.vocabulary import build_tokenizer, extend_tokenizer
from training.wordproblems import problem_set

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerFast


@dataclass(frozen=True)
class Round:
    """One pass over a part of the fixed set, the rate warming up and going down to zero."""

    num_easy: int
    num_medium: int
    num_hard: int
    data_seed: int  # problem_set's seed; evaluations and the problems that ship use others
    matrix_rate: float  # Muon
    other_rate: float  # AdamW
    short_first: float  # share of the easy problems that come before all others, 0-1
    cool_down: float  # share of the steps, linear to zero
    num_others: int = 0  # solutions in other formats beside the transitions, drawn at random; 0: transitions, no tag
    key_points_given: float = 0.0  # share of the questions that come with their gold key points, 0-1
    batch: int = 24  # problems a step


TRANSITIONS = (
    Round(30_000, 22_000, 6_000, data_seed=1, matrix_rate=2e-2, other_rate=3e-3, short_first=0.5, cool_down=0.5),
    Round(28_000, 13_000, 3_000, data_seed=101, matrix_rate=1.5e-2, other_rate=2e-3, short_first=0.0, cool_down=0.7),
)
ALL_FORMATS = Round(
    18_000, 9_000, 3_000, data_seed=201, matrix_rate=1.5e-2, other_rate=2e-3, short_first=0.0, cool_down=0.7,
    num_others=3, key_points_given=0.1, batch=12,
)  # fmt: skip


@dataclass(frozen=True)
class Preset:
    """Everything that decides the weights."""

    hidden: int = 256
    layers: int = 4
    heads: int = 4
    warm_up: float = 0.02  # share of a round's steps
    seed: int = 0
    rounds: tuple[Round, ...] = (*TRANSITIONS, ALL_FORMATS)


LARGER = replace(
    ALL_FORMATS, num_easy=400_000, num_medium=400_000, num_hard=200_000, data_seed=1, matrix_rate=2e-2, other_rate=3e-3,
    short_first=0.3, cool_down=0.5, batch=32,
)  # fmt: skip
FACTS = "training.json"  # what happened, beside the weights
PRESETS = {"cpu": Preset(), "gpu": Preset(hidden=384, layers=6, heads=6, rounds=(LARGER,))}


def fixed_set(part: Round, seed: int) -> list[Problem]:
    """The problems of one round: some easy ones first, the rest of all levels in a fixed shuffle."""
    easy = problem_set("easy", part.num_easy, part.data_seed)
    rest = problem_set("medium", part.num_medium, part.data_seed) + problem_set("hard", part.num_hard, part.data_seed)
    random.Random(seed).shuffle(rest)
    num_first = int(part.short_first * len(easy))
    mixed = easy[num_first:] + rest
    random.Random(seed + 1).shuffle(mixed)
    return easy[:num_first] + mixed


def branches_of(problem: Problem, part: Round, rng: random.Random) -> tuple[str, list[Branch]]:
    """What is asked of one problem in this round, and the branches: its solutions, and its key points.

    A round of several formats shows transitions and `num_others` others; some questions come with their key points.
    """
    if not part.num_others:
        return problem.question, [Branch("", problem.solution)]
    key_points = gold_key_points(problem)
    others = [name for name in FORMATS if name != "transitions"]
    is_given = rng.random() < part.key_points_given
    names = rng.sample(others if is_given else [*others, TAG], k=part.num_others)
    question = with_key_points(problem.question, key_points) if is_given else problem.question
    own = [
        Branch(f"{TAG}:\n", as_text(key_points))
        if name == TAG
        else Branch(f"{FORMATS[name].tag}:\n", gold_solution(problem, name))
        for name in ("transitions", *names)
    ]
    return " ".join(question.split()), own


def texts_of(problems: list[Problem], part: Round) -> Iterator[str]:
    """All that a round shows, for the vocabulary."""
    rng = random.Random(0)
    for problem in problems:
        question, own = branches_of(problem, part, rng)
        yield "\n".join([question, *(branch.tag + branch.solution for branch in own)])


def spoken(part: Round) -> dict[str, object]:
    """What config.json says of how the model is asked: its formats, the first one its own."""
    settings: dict[str, object] = {"prompt": "plain", "format": "transitions"}
    return settings | ({"formats": list(FORMATS), "key_points": True} if part.num_others else {})


def make_model(preset: Preset, tokenizer: "PreTrainedTokenizerFast") -> "PreTrainedModel":
    import torch
    from transformers import Qwen3Config, Qwen3ForCausalLM

    torch.manual_seed(preset.seed)
    config = Qwen3Config(
        vocab_size=64 * math.ceil(len(tokenizer) / 64),
        hidden_size=preset.hidden,
        intermediate_size=3 * preset.hidden,
        num_hidden_layers=preset.layers,
        num_attention_heads=preset.heads,
        num_key_value_heads=preset.heads,
        head_dim=preset.hidden // preset.heads,
        max_position_embeddings=1024,
        tie_word_embeddings=True,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=None,
        use_cache=True,
    )
    return Qwen3ForCausalLM(config)


def optimizers(model: "PreTrainedModel", part: Round) -> "list[torch.optim.Optimizer]":
    import torch

    matrices = [p for name, p in model.named_parameters() if p.ndim == 2 and "embed" not in name]
    others = [p for name, p in model.named_parameters() if p.ndim != 2 or "embed" in name]
    return [
        torch.optim.Muon(matrices, lr=part.matrix_rate, weight_decay=0.01),
        torch.optim.AdamW(others, lr=part.other_rate, betas=(0.9, 0.95), weight_decay=0.0),
    ]


def rate_factor(step: int, num_steps: int, warm_up: float, cool_down: float) -> float:
    """Warm-up, a plateau, and a linear way down to zero. 0-1; the shares too."""
    return min(1.0, (step + 1) / max(1.0, warm_up * num_steps), (num_steps - step) / max(1.0, cool_down * num_steps))


def train(preset: Preset, out: Path, first_round: int = 0) -> dict[str, Any]:
    """Train round by round, save model and tokenizer into `out` (bf16 safetensors) and return what happened.

    Every round starts from the saved weights of the one before, so that going on from `first_round` gives the same.
    """
    facts: dict[str, Any] = {"preset": asdict(preset), "device": device_name(), "rounds": []}
    if first_round:
        facts["rounds"] = json.loads((out / FACTS).read_text())["rounds"][:first_round]
    for number, part in enumerate(preset.rounds[first_round:], start=first_round):
        facts["rounds"].append(train_round(preset, part, out, is_first=number == 0))
        (out / FACTS).write_text(json.dumps(facts, indent=1) + "\n")
    return facts


def begin_variables(model: Any, tokenizer: Any) -> None:
    """ "##_coins" begins as "coins": what is known of the thing need not be learnt again for its variable."""
    vocabulary: dict[str, int] = tokenizer.get_vocab()
    embedding = model.get_input_embeddings().weight.data
    for piece, index in vocabulary.items():
        if piece.startswith("##_") and piece[3:] in vocabulary:
            embedding[index] = embedding[vocabulary[piece[3:]]]


def device_name() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def train_round(preset: Preset, part: Round, out: Path, is_first: bool) -> dict[str, Any]:
    """One round; the first one makes tokenizer and model, the others read them from `out`."""
    import torch
    from transformers import Qwen3ForCausalLM

    began = time.time()
    problems = fixed_set(part, preset.seed)
    tokenizer: Any  # Auto… gives a union of classes, and a wrapped method loses its types
    model: Any
    if is_first:
        tokenizer = build_tokenizer(texts_of(problems, part), out)
        model = make_model(preset, tokenizer)
    else:
        tokenizer = extend_tokenizer(texts_of(problems, part), out)
        model = Qwen3ForCausalLM.from_pretrained(out, dtype="float32", use_safetensors=True)
        torch.manual_seed(preset.seed)  # of the new words' embeddings
        model.resize_token_embeddings(64 * math.ceil(len(tokenizer) / 64), mean_resizing=False)
        begin_variables(model, tokenizer)
    model.config.first_pit = spoken(part)
    model.to(device_name())
    rng = random.Random(preset.seed + 3)
    questions, branches = zip(*(branches_of(problem, part, rng) for problem in problems), strict=True)
    rows = encode_rows(questions, branches, tokenizer)
    groups = list(batches(rows, part.batch, preset.seed + 2))
    tools = optimizers(model, part)
    rates = [(group, group["lr"]) for tool in tools for group in tool.param_groups]
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters, {len(rows):,} problems, {len(groups):,} steps")
    tokens, losses = 0, []
    for step, group_rows in enumerate(groups):
        for group, rate in rates:
            group["lr"] = rate * rate_factor(step, len(groups), preset.warm_up, part.cool_down)
        losses.append(update(model, tools, collate(group_rows, tokenizer.pad_token_id)))
        tokens += sum(len(row.ids) for row in group_rows)
        if step % 50 == 49:
            seconds = time.time() - began
            mean = sum(losses[-50:]) / 50
            print(
                f"{step + 1}/{len(groups)} loss {mean:.4f}, {tokens / seconds:,.0f} tokens/s, {seconds:.0f} s",
                flush=True,
            )
    save(model, out)
    last = losses[-50:]
    return {
        "steps": len(groups),
        "tokens": tokens,
        "seconds": round(time.time() - began),
        "loss": sum(last) / len(last),
    }


def update(model: "PreTrainedModel", tools: "list[torch.optim.Optimizer]", batch: "dict[str, torch.Tensor]") -> float:
    """One step on what `branches.collate` gives: mean cross-entropy over the targets."""
    import torch

    batch = {name: tensor.to(model.device) for name, tensor in batch.items()}
    targets = batch.pop("targets")
    with torch.autocast(model.device.type, dtype=torch.bfloat16):
        logits = model(**batch, use_cache=False).logits
    loss = torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1).float(), targets[:, 1:].flatten())
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    for tool in tools:
        tool.step()
        tool.zero_grad(set_to_none=True)
    return loss.item()


def save(model: "PreTrainedModel", out: Path) -> None:
    """bf16 safetensors: half the size, and what the weights are worth."""
    import copy

    import torch

    half: Any = copy.deepcopy(model)
    half.to(torch.bfloat16).save_pretrained(out, safe_serialization=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", choices=PRESETS, default="cpu")
    parser.add_argument("--first-round", type=int, default=0, help="go on from the weights in --out at this round")
    parser.add_argument("--out", type=Path, required=True, help="folder for model and tokenizer")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    print(json.dumps(train(PRESETS[arguments.preset], arguments.out, arguments.first_round), indent=1))


if __name__ == "__main__":
    main()
