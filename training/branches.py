"""Rows of one question with several solutions: the question is computed once, each solution sees it and itself alone.

    question        branch 0            branch 1
    Ana has …?⏎     Transitions:⏎ …     Program:⏎ …         positions  0 1 2 | 3 4 5 … | 3 4 5 …

The attention mask is a tree's: a token sees the earlier tokens of its own branch and those of the question. The loss is
on what the model is to write: neither on the question, nor on the line that names the format, nor on an interpreter's
output. A row with one branch is an ordinary row.
"""

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerFast

OUTPUT = "Output: "  # begins a line that the interpreter writes


@dataclass(frozen=True, slots=True)
class Branch:
    """One solution of a question."""

    tag: str  # the line that asks for its format, with its line break; empty when there is none
    solution: str


@dataclass(frozen=True, slots=True)
class Row:
    """Token ids of a question and its branches one after the other; all four have the same length."""

    ids: tuple[int, ...]
    positions: tuple[int, ...]  # each branch goes on where the question ended
    branches: tuple[int, ...]  # 0 is the question, the first branch is 1
    is_target: tuple[bool, ...]  # is this token to be learnt?


def encode_rows(
    questions: Sequence[str], branches: Sequence[Sequence[Branch]], tokenizer: "PreTrainedTokenizerFast"
) -> list[Row]:
    """One row a question, each of its branches ended by EOS."""
    return [_row(question, own, tokenizer) for question, own in zip(questions, branches, strict=True)]


def _row(question: str, branches: Sequence[Branch], tokenizer: Any) -> Row:
    prompt = _ids(question + "\n", tokenizer)
    ids, positions = list(prompt), list(range(len(prompt)))
    numbers, is_target = [0] * len(prompt), [False] * len(prompt)
    for number, branch in enumerate(branches, start=1):
        own, learnt = _branch(branch, tokenizer)
        ids += own
        is_target += learnt
        positions += range(len(prompt), len(prompt) + len(own))
        numbers += [number] * len(own)
    return Row(tuple(ids), tuple(positions), tuple(numbers), tuple(is_target))


def _branch(branch: Branch, tokenizer: Any) -> tuple[list[int], list[bool]]:
    """A line break is a token of its own, so lines can be encoded one by one."""
    ids = _ids(branch.tag, tokenizer)
    learnt = [False] * len(ids)
    for line in branch.solution.splitlines(keepends=True):
        own = _ids(line, tokenizer)
        ids += own
        learnt += [not line.startswith(OUTPUT)] * len(own)
    return [*ids, tokenizer.eos_token_id], [*learnt, True]


def _ids(text: str, tokenizer: Any) -> list[int]:
    return list(tokenizer(text)["input_ids"]) if text else []


def batches(rows: Sequence[Row], size: int, seed: int) -> Iterator[list[Row]]:
    """Batches in the set's order, of similar lengths within every window of 32 batches, so that little is padding."""
    rng = random.Random(seed)
    window = size * 32
    for start in range(0, len(rows), window):
        by_length = sorted(rows[start : start + window], key=lambda row: len(row.ids))
        groups = [by_length[i : i + size] for i in range(0, len(by_length), size)]
        rng.shuffle(groups)
        yield from groups


def collate(rows: Sequence[Row], pad: int) -> "dict[str, torch.Tensor]":
    """input_ids, position_ids, targets (batch, length), attention_mask (batch, 1, length, length; True where seen).

    Targets are -100 where nothing is to be learnt; padding is on the right and a branch of its own. The length is a
    multiple of 16: the CPU's kernels are made anew, and kept, for every shape they meet.
    """
    import torch

    length = 16 * math.ceil(max(len(row.ids) for row in rows) / 16)
    ids = torch.full((len(rows), length), pad)
    positions = torch.zeros((len(rows), length), dtype=torch.long)
    branches = torch.full((len(rows), length), -1)
    is_target = torch.zeros((len(rows), length), dtype=torch.bool)
    for i, row in enumerate(rows):
        num = len(row.ids)
        ids[i, :num] = torch.tensor(row.ids)
        positions[i, :num] = torch.tensor(row.positions)
        branches[i, :num] = torch.tensor(row.branches)
        is_target[i, :num] = torch.tensor(row.is_target)
    of_key = branches[:, None, :]
    is_seen = (of_key == 0) | (of_key == branches[:, :, None])
    is_seen &= torch.ones(length, length, dtype=torch.bool).tril()
    targets = torch.where(is_target, ids, -100)
    return {
        "input_ids": ids,
        "position_ids": positions,
        "attention_mask": is_seen[:, None],
        "targets": targets,
    }
