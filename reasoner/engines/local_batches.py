"""How many rows fit into memory together, and drawing them batch by batch.

    drawn = in_batches(lambda batch: sample(model, batch, settings), rows, batch_rows(model, rows))

Not covered: memory that others take while a batch runs; on a GPU a batch that does not fit is halved and tried again.
"""

import os
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from reasoner.engines.local_prefixes import token_bytes
from reasoner.engines.local_sampling import Row
from reasoner.errors import EngineError

CPU_ROWS = 256  # largest padded batch. Ours: the built-in solver gains nothing beyond it
SHARED_ROWS = 2048  # most rows at once where those in the same state are computed once. Ours
GPU_ROWS = 1024
CPU_BYTES = 2 * 1024**3  # at most this for a batch on the CPU …
KEPT_BYTES = 256 * 1024**2  # of prompts, kept between calls, on the CPU …
KEPT_SHARE = 0.05  # … and on a GPU, as a share of its memory, 0-1
SHARE = 0.5  # … and this share of the memory that is free, 0-1

Drawn = TypeVar("Drawn")


def batch_rows(model: Any, rows: Sequence[Row]) -> int:
    """Rows of a batch, at least 1: keys and values of the longest row, and a few copies of its logits, must fit."""
    import torch

    longest = max((len(row.prompt) + row.limit for row in rows), default=1)
    words = model.config.get_text_config().vocab_size
    a_row = 2 * token_bytes(model) * longest + 4 * 4 * words  # twice: the cache is copied when rows leave
    if model.device.type == "cuda":
        return int(max(1, min(GPU_ROWS, SHARE * torch.cuda.mem_get_info(model.device)[0] // a_row)))
    return int(max(1, min(CPU_ROWS, min(CPU_BYTES, SHARE * _free_bytes()) // a_row)))


def shared_rows(model: Any, rows: Sequence[Row]) -> int:
    """Rows that may be on their way at once where prompts are shared, at least 1, even if no two go the same way."""
    import torch

    copies = len(rows) / max(1, len({row.prompt for row in rows}))
    own = max((row.limit for row in rows), default=1)
    read = max((len(row.prompt) for row in rows), default=1)
    words = model.config.get_text_config().vocab_size
    a_row = 2 * token_bytes(model) * (own + read / max(1.0, copies)) + 4 * 4 * words  # twice: room grows by copying
    if model.device.type == "cuda":
        return int(max(1, min(GPU_ROWS, SHARE * torch.cuda.mem_get_info(model.device)[0] // a_row)))
    return int(max(1, min(SHARED_ROWS, min(CPU_BYTES, SHARE * _free_bytes()) // a_row)))


def prefix_bytes(model: Any) -> int:
    """Bytes of prompts' keys and values that may be kept between calls."""
    import torch

    if model.device.type == "cuda":
        return int(KEPT_SHARE * torch.cuda.mem_get_info(model.device)[1])
    return KEPT_BYTES


def in_batches(draw: Callable[[Sequence[Row]], list[Drawn]], rows: Sequence[Row], num_rows: int) -> list[Drawn]:
    """`draw` over `rows`, `num_rows` at a time, fewer when memory runs out. Raises EngineError if one is too many."""
    import torch

    drawn: list[Drawn] = []
    while len(drawn) < len(rows):
        try:
            drawn += draw(rows[len(drawn) : len(drawn) + num_rows])
        except torch.OutOfMemoryError as error:
            if num_rows == 1:
                raise EngineError(
                    "The GPU has too little free memory for this model and text: end what else uses it."
                ) from error
            num_rows = max(1, num_rows // 2)
            torch.cuda.empty_cache()
    return drawn


def _free_bytes() -> int:
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return 2 * CPU_BYTES  # macOS and Windows do not tell this way
