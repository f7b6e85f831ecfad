"""Pairs as trees: the prompt is computed once for chosen and rejected, each of which sees it and itself alone.

    prompt      chosen                rejected
    Ana has …   Solve: … = 5 …        Solve: … = 6        positions  0 1 2 | 3 4 5 … | 3 4 …

TRL's DPOTrainer computes the prompt twice, and scores all its tokens with the output layer. Here its model is asked for
the tree's hidden states, and answers with those of two short rows, [the prompt's last token, completion], chosen first:
TRL's loss, whichever it is, is then computed by TRL. The log-probabilities are the same to rounding, which is verified
on the longest pairs before a run; where they are not (attention that takes no such mask, a sliding window, states of
a recurrent model), the run goes on as TRL's.

Not covered: prompts of more than one branch; models whose mixture of experts asks for a load-balancing loss.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from training.branches import Row, collate

if TYPE_CHECKING:
    import torch

Batch = dict[str, "torch.Tensor"]

FARTHEST, FARTHEST_ROUNDED = 1e-3, 0.05
"""How far a token's mean log-probability may be off, in float32 and below. Ours: a wrong mask is off by whole nats."""


class TreeCollator:
    """Tokenised pairs → TRL's batch of short rows (2 × pairs, length), and the trees they are read from (pairs, …)."""

    def __init__(self, pad: int) -> None:
        self.pad = pad

    def __call__(self, examples: Sequence[dict[str, Any]]) -> Batch:
        import torch

        trees = collate([_tree(example) for example in examples], self.pad)
        sides = [_side(example, side) for side in ("chosen", "rejected") for example in examples]
        length = max(len(ids) for ids, _ in sides)
        ids = torch.full((len(sides), length), self.pad)
        attended = torch.zeros((len(sides), length), dtype=torch.long)
        places = torch.zeros((len(sides), length), dtype=torch.long)
        for i, (own, where) in enumerate(sides):
            ids[i, : len(own)] = torch.tensor(own)
            attended[i, : len(own)] = 1
            places[i, : len(own)] = torch.tensor(where)
        learnt = attended.clone()
        learnt[:, 0] = 0
        batch = {"input_ids": ids, "attention_mask": attended, "completion_mask": learnt, "tree_places": places}
        batch |= {f"tree_{name}": trees[name] for name in ("input_ids", "position_ids", "attention_mask")}
        for name in ("ref_chosen_logps", "ref_rejected_logps"):
            if name in examples[0]:
                batch[name] = torch.tensor([example[name] for example in examples])
        return batch


def _tree(example: dict[str, Any]) -> Row:
    prompt, chosen, rejected = (example[f"{name}_ids"] for name in ("prompt", "chosen", "rejected"))
    start = len(prompt)
    return Row(
        ids=(*prompt, *chosen, *rejected),
        positions=(*range(start + len(chosen)), *range(start, start + len(rejected))),
        branches=(0,) * start + (1,) * len(chosen) + (2,) * len(rejected),
        is_target=(False,) * (start + len(chosen) + len(rejected)),
    )


def _side(example: dict[str, Any], side: str) -> tuple[list[int], list[int]]:
    """Ids of the prompt's last token and a completion, and where in the tree each of them is."""
    end = len(example["prompt_ids"])
    first = end + (len(example["chosen_ids"]) if side == "rejected" else 0)
    own = example[f"{side}_ids"]
    return [example["prompt_ids"][-1], *own], [end - 1, *range(first, first + len(own))]


def answer_trees(model: Any) -> None:
    """Let a causal language model's backbone take TreeCollator's batches; any other call is as before."""
    import torch

    backbone = model.base_model
    original = backbone.forward

    def forward(*args: Any, tree_places: Any = None, **named: Any) -> Any:
        tree = {name: named.pop(f"tree_{name}", None) for name in ("input_ids", "position_ids", "attention_mask")}
        if tree_places is None:
            return original(*args, **named)
        found = original(**(named | {"inputs_embeds": None} | tree))
        hidden = found.last_hidden_state  # (pairs, tree's length, width)
        rows = torch.arange(len(tree_places), device=hidden.device) % len(hidden)
        found.last_hidden_state = hidden[rows[:, None], tree_places]  # (2 × pairs, length, width)
        return found

    backbone.forward = forward


def why_not_shared(trainer: Any, rows: Any, plain: Any, trees: TreeCollator) -> str:
    """Empty when the trainer's model gives pairs' log-probabilities from trees as from plain rows; else why not."""
    if any(not prompt for prompt in rows["prompt_ids"]):
        return "a prompt is empty"
    if trainer.aux_loss_enabled:
        return "its experts' load is part of the loss"
    longest = sorted(range(len(rows)), key=lambda i: len(rows[i]["prompt_ids"]) + len(rows[i]["chosen_ids"]))[-2:]
    examples = [rows[i] for i in longest]
    try:
        expected, found = (_mean_logps(trainer, collator(examples)) for collator in (plain, trees))
    except (RuntimeError, ValueError, TypeError, IndexError, NotImplementedError) as error:
        return " ".join(str(error).split())[:200] or type(error).__name__
    off = float((expected - found).abs().max())
    if not off <= (FARTHEST if str(trainer.model.dtype) == "torch.float32" else FARTHEST_ROUNDED):
        return f"its attention takes no tree's mask: log-probabilities are off by {off:.3g} a token"
    return ""


def _mean_logps(trainer: Any, batch: Batch) -> "torch.Tensor":
    """Mean log-probability of a completion's tokens by the trainer's model as it is, (2 × pairs)."""
    import torch

    inputs = {name: value.to(trainer.accelerator.device) for name, value in batch.items()}
    learnt = inputs.pop("completion_mask")
    labels = inputs["input_ids"].masked_fill(learnt == 0, -100)
    with torch.no_grad():
        logps = trainer.model(**inputs, labels=labels, use_cache=False, fused_lm_head=True).log_probs
    return logps.sum(dim=1) / learnt.sum(dim=1)
