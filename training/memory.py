"""Out of memory: which errors say so, and a step's batch in smaller parts.

parts_of({"input_ids": (8, 90), "ref": (4,)}, num=2, rows=4)    two dicts of (4, 90) and (2,): pairs 0-1, pairs 2-3
"""

import itertools
from typing import Any

WORDS = ("out of memory", "can't allocate memory", "not enough memory", "cannot allocate memory")
"""Of CUDA, of PyTorch's CPU allocator on Linux and on Windows, of the system."""


def is_out_of_memory(error: BaseException) -> bool:
    """Does the error say that memory ran out?"""
    return isinstance(error, MemoryError) or any(words in str(error).lower() for words in WORDS)


def parts_of(inputs: dict[str, Any], num: int, rows: int) -> list[tuple[dict[str, Any], int]]:
    """A batch of `rows` rows in at most `num` parts of nearly equal size, each with its number of rows.

    A tensor of 2 × rows holds the rows' first sides and then their second ones, as TRL's pairs do.
    """
    import torch

    num = min(num, rows)
    edges = [rows * i // num for i in range(num + 1)]
    parts = []
    for start, end in itertools.pairwise(edges):
        part = {}
        for name, value in inputs.items():
            if not isinstance(value, torch.Tensor) or not value.dim():
                part[name] = value
            elif len(value) == 2 * rows:
                part[name] = torch.cat([value[start:end], value[rows + start : rows + end]])
            else:
                part[name] = value[start:end]
        parts.append((part, end - start))
    return parts
