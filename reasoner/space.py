"""What is different on a Hugging Face Space: strangers share one small machine.

A Space tells itself apart by its environment, so `python app.py` needs no flag there:

    SYSTEM=spaces SPACE_ID=ada/first-pit python app.py

A visitor may do everything without login; what costs the others is bounded by `guest_limits()`. Labels are made under
the name of the login where there is one (OAUTH_CLIENT_ID set), else under a guest name of the visitor's own.
"""

import os
import secrets
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GuestLimits:
    """The bounds of a visitor's training run. All three are ours: about two minutes on two cores."""

    max_pairs: int = 200  # pairs a run trains on
    max_seconds: int = 300  # a run is cancelled after that long
    max_runs: int = 1  # runs at the same time, of all visitors together


def is_space() -> bool:
    """Are we running on a Hugging Face Space?"""
    return os.environ.get("SYSTEM") == "spaces"


def guest_limits() -> GuestLimits | None:
    """The bounds for visitors on a Space; None on one's own machine, where nothing is bounded."""
    return GuestLimits() if is_space() else None


def has_login() -> bool:
    """Can visitors log in with their Hugging Face account? (`hf_oauth: true` in the README's front matter)"""
    return bool(os.environ.get("OAUTH_CLIENT_ID"))


def guest_name() -> str:
    """A fresh name for a visitor without login: "guest-3f9a1c"."""
    return f"guest-{secrets.token_hex(3)}"
