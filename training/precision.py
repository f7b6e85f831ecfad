"""In what numbers a run computes: bfloat16 where the machine has instructions for it, else float32.

Weights, gradients and the optimizer stay in float32; matrix products are in bfloat16 (autocast).
"""

from reasoner.errors import BadInput

PRECISIONS = ("auto", "bf16", "fp32")


def is_bf16(precision: str) -> bool:
    """Are matrix products computed in bfloat16? Raises BadInput for a precision that is none of PRECISIONS."""
    if precision not in PRECISIONS:
        raise BadInput(f"Precision must be one of {', '.join(PRECISIONS)}, not {precision!r:.40}.")
    return precision == "bf16" or (precision == "auto" and has_bf16())


def has_bf16() -> bool:
    """Has this machine's GPU, or without one its CPU, instructions for bfloat16?"""
    import torch

    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported())
    names = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")  # a CPU without them only emulates, slower
    return any(bool(getattr(torch.cpu, name, bool)()) for name in names)
