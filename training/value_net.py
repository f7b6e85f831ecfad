"""The network of a value model: a decoder's body, and a scalar head on every token. Rows of ids in, logits out.

    net = make_net(causal_model, loss="bce", reads="both")
    net(input_ids, attention_mask, features, targets, weights)      {"loss": (), "logits": (rows, tokens)}

OVM (arXiv 2311.09724; FreedomIntelligence/OVM, utils/verifier_models.py) puts a linear head on the last hidden state of
every token. Ours ends in a sigmoid, so that a score is a probability, and by default it reads two figures more: how
likely the solver itself found the tokens of the solution so far (geometric mean, and the least likely one). Measured
on the built-in solver, the hidden state alone ranked its solutions worse than these two figures do (assets/LOG.md).

Not covered: encoder-decoders; models whose body cannot be had without the output layer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from reasoner.errors import EngineError
from training.dpo import without_bos
from training.value_rows import Solution

if TYPE_CHECKING:
    from torch import Tensor

HEAD = "value_head"
READS = ("both", "hidden", "likelihood")
NUM_FEATURES = 2


@dataclass(frozen=True, slots=True)
class Encoded:
    """A solution as token ids."""

    ids: tuple[int, ...]  # prompt, solution, end of sequence
    start: int  # the solution's first token
    ends: tuple[int, ...]  # the token at which each step's state is read
    steps: tuple[int, ...]  # for every token from `start` on, the step it belongs to


def encode(tokenizer: Any, solution: Solution) -> Encoded:
    """Token ids, and which step each token belongs to. The end of sequence belongs to the last step."""
    prompt = list(tokenizer(without_bos(solution.prompt, tokenizer))["input_ids"])
    while prompt and prompt[-1] == tokenizer.eos_token_id:
        prompt.pop()  # some tokenizers end every text
    ids, steps = _cut(tokenizer, solution)
    last = len(solution.ends) - 1
    start = place = len(prompt)
    ends = []
    for step in range(last):
        place += steps.count(step)
        ends.append(max(start, place - 1))
    return Encoded((*prompt, *ids, tokenizer.eos_token_id), start, (*ends, start + len(ids)), (*steps, last))


def _cut(tokenizer: Any, solution: Solution) -> tuple[list[int], list[int]]:
    """(ids of the solution, the step of each), the step being that in which the token begins."""
    ids: list[int] = []
    steps: list[int] = []
    if not tokenizer.is_fast:  # no character offsets: cut at the steps, which may part a token
        for step, (start, end) in enumerate(zip((0, *solution.ends), solution.ends, strict=False)):
            piece = tokenizer(solution.text[start:end], add_special_tokens=False)["input_ids"]
            ids += piece
            steps += [step] * len(piece)
        return ids, steps
    encoded = tokenizer(solution.text, add_special_tokens=False, return_offsets_mapping=True)
    step = 0
    for start, _ in encoded["offset_mapping"]:
        while step < len(solution.ends) - 1 and start >= solution.ends[step]:
            step += 1
        steps.append(step)
    return list(encoded["input_ids"]), steps


def pad(rows: Sequence[Encoded], tokenizer: Any) -> "dict[str, Tensor]":
    """ids and mask of a batch, (rows, tokens), padded on the right."""
    import torch

    length = max(len(row.ids) for row in rows)
    filler = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id
    ids, mask = torch.full((len(rows), length), filler), torch.zeros((len(rows), length), dtype=torch.long)
    for number, row in enumerate(rows):
        ids[number, : len(row.ids)] = torch.tensor(row.ids)
        mask[number, : len(row.ids)] = 1
    return {"input_ids": ids, "attention_mask": mask}


def stack(features: "Sequence[Tensor]", length: int) -> "Tensor":
    """Each row's features, (its tokens, features), as (rows, length, features), zeros after its end."""
    import torch

    stacked = torch.zeros(len(features), length, NUM_FEATURES)
    for number, one in enumerate(features):
        stacked[number, : len(one)] = one
    return stacked


def _so_far(each: "Tensor") -> "Tensor":
    """Log-probabilities of tokens, (tokens,), as the features of each: geometric mean and minimum until there, 0-1."""
    import torch

    mean = each.cumsum(0) / torch.arange(1, len(each) + 1, device=each.device)
    return torch.stack([mean, each.cummin(0).values], 1).exp()


@cache
def _net_class() -> Any:
    """The module under the adapter; made here, so that importing this file does not import torch."""
    import torch
    from torch.nn.functional import binary_cross_entropy_with_logits, mse_loss

    class ValueNet(torch.nn.Module):
        """Body, output layer (for the likelihoods) and head."""

        accepts_loss_kwargs = False  # for the Trainer: the loss is a mean over the batch already

        def __init__(self, body: Any, output: Any, loss: str, reads: str) -> None:
            super().__init__()
            self.body, self.output = body, output
            self.config = body.config
            self.loss, self.reads = loss, reads
            width = body.config.get_text_config().hidden_size if reads != "likelihood" else 0
            self.value_head = torch.nn.Linear(width + (NUM_FEATURES if reads != "hidden" else 0), 1)
            torch.nn.init.zeros_(self.value_head.weight)

        def hidden(self, input_ids: "Tensor", attention_mask: "Tensor") -> "Tensor":
            """The last hidden state of every token, (rows, tokens, width)."""
            given = {"input_ids": input_ids, "attention_mask": attention_mask, "use_cache": False}
            return self.body(**given).last_hidden_state

        def likelihoods(self, batch: "dict[str, Tensor]", starts: Sequence[int]) -> "list[Tensor]":
            """For each row (its tokens, 2): geometric mean and minimum, 0-1, of the solution's tokens so far."""
            hidden = self.hidden(batch["input_ids"], batch["attention_mask"])
            lengths = batch["attention_mask"].sum(1).tolist()
            found = []
            for number, (start, length) in enumerate(zip(starts, lengths, strict=True)):
                first = max(1, start)  # nothing stands before the first token of an empty prompt
                logits = self.output(hidden[number, first - 1 : length - 1]).float()
                told = batch["input_ids"][number, first:length, None]
                each = logits.log_softmax(-1).gather(1, told).squeeze(1)
                found.append(torch.cat([torch.zeros(first, NUM_FEATURES), _so_far(each).cpu()]))
            return found

        def forward(
            self,
            input_ids: "Tensor",  # (rows, tokens)
            attention_mask: "Tensor",
            features: "Tensor",  # (rows, tokens, NUM_FEATURES)
            targets: "Tensor | None" = None,  # (rows, tokens), 0-1
            weights: "Tensor | None" = None,  # (rows, tokens), 0 where nothing is learnt
        ) -> "dict[str, Tensor]":
            read = [features] if self.reads != "hidden" else []  # the hidden state before, the likelihoods after it
            if self.reads != "likelihood":
                read.insert(0, self.hidden(input_ids, attention_mask).float())
            logits = self.value_head(torch.cat(read, -1)).squeeze(-1)
            if targets is None or weights is None:
                return {"logits": logits}
            if self.loss == "mse":
                losses = mse_loss(logits.sigmoid(), targets, reduction="none")
            else:
                losses = binary_cross_entropy_with_logits(logits, targets, reduction="none")
            return {"loss": (losses * weights).sum() / weights.sum(), "logits": logits}

    return ValueNet


def make_net(model: Any, loss: str, reads: str) -> Any:
    """The network over a causal model, its head at zero."""
    body, output = model.base_model, model.get_output_embeddings()
    if body is model or output is None:
        raise EngineError("This model is no decoder with an output layer, so it cannot become a value model.")
    return _net_class()(body, output, loss, reads)


def linear_names(net: Any) -> list[str]:
    """The last names of all linear layers of the body: what LoRA adapts."""
    import torch
    from transformers.pytorch_utils import Conv1D

    found = [name for name, module in net.body.named_modules() if isinstance(module, torch.nn.Linear | Conv1D)]
    return sorted({name.rsplit(".", 1)[-1] for name in found})
