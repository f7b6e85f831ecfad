"""What a run may train on here: each graphics card, and the processor. One run at a time on each.

    devices()                  ["cuda:0", "cuda:1", "cuda:all", "cpu"]   the first is what a run gets that asks for none
    parts("cuda:all")          ["cuda:0", "cuda:1"]                      what such a run keeps others from
    environment("cuda:1")      {"CUDA_VISIBLE_DEVICES": "1", …}          what makes a process see that device alone

Told without torch, which the page never loads. Not covered: MIG slices, and cards of other makers than NVIDIA (a run
there says "cpu" and takes what torch finds).
"""

import os
from pathlib import Path

from reasoner.errors import BadInput

CPU = "cpu"
EVERY_CARD = "cuda:all"  # for a launcher: torchrun, accelerate
VISIBLE = "CUDA_VISIBLE_DEVICES"
ALL = (
    "FIRST_PIT_CARDS"  # what a run's process passes on: it sees one card itself, and may start the next run on another
)


def devices() -> list[str]:
    """The devices of this machine, the default first."""
    cards = [f"cuda:{number}" for number in range(len(_cards()))]
    return [*cards, *([EVERY_CARD] if len(cards) > 1 else []), CPU]


def parts(device: str) -> list[str]:
    """What a run on this device has to itself."""
    return [f"cuda:{number}" for number in range(len(_cards()))] if device == EVERY_CARD else [device]


def check_device(device: str) -> str:
    """`device`, or the default for an empty one. Raises BadInput for one that is not here."""
    known = devices()
    if not device:
        return known[0]
    if device not in known:
        raise BadInput(f"There is no device {device[:20]!r} here: choose one of {', '.join(known)}.")
    return device


def environment(device: str) -> dict[str, str]:
    """The variables by which a process sees this device and no other card."""
    cards = _cards()
    if not cards:
        return {}
    if device == CPU:
        return {ALL: ",".join(cards), VISIBLE: "", "ACCELERATE_USE_CPU": "true"}
    seen = ",".join(cards) if device == EVERY_CARD else cards[int(device.rpartition(":")[2])]
    return {ALL: ",".join(cards), VISIBLE: seen, "CUDA_DEVICE_ORDER": "PCI_BUS_ID", "ACCELERATE_USE_CPU": ""}


def _cards() -> list[str]:
    """CUDA's names of the cards that this process may use."""
    named = os.environ.get(ALL) or os.environ.get(VISIBLE)
    if named is not None:
        return [name.strip() for name in named.split(",") if name.strip() not in ("", "-1")]
    return [str(number) for number in range(len(list(Path("/dev").glob("nvidia[0-9]*"))))]
