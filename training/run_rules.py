"""Who may do what with a run. On one's own machine anybody anything; on a Space a visitor with their own runs alone.

    key = new_key()                          kept by the visitor's browser, or handed to a program by /start_training
    start(workbench, settings, key)          the run carries the key's hash
    check_owner(workbench, run, key)         raises RunError on a Space, for anybody else's run

The hash is in run.json, and says nothing of the key. A run without one (started from the shell) is no visitor's.
"""

import hashlib
import hmac
import secrets

from reasoner.errors import RunError
from reasoner.workbench import Workbench
from training import jobs
from training.run_folder import Run
from training.run_settings import Settings

MAX_LIVE = 5  # runs that go on or wait on a Space, of all visitors. Ours: five minutes each, so nobody waits longer
TOO_LONG = "Recipes run for an hour and more: they are for your own machine (clone this Space's repository)."


def new_key() -> str:
    """A secret that makes its holder the owner of the runs started with it."""
    return secrets.token_hex(16)


def owner_of(key: object) -> str:
    """What a run keeps of a key; empty for none."""
    return hashlib.sha256(key.encode()).hexdigest() if isinstance(key, str) and key else ""


def is_shared(workbench: Workbench) -> bool:
    """Do strangers share this workbench?"""
    return workbench.guest_limits is not None


def may_change(workbench: Workbench, run: Run, key: object) -> bool:
    """May the holder of `key` cancel, resume, clone, free or delete this run?"""
    if not is_shared(workbench):
        return True
    return bool(run.owner) and hmac.compare_digest(run.owner, owner_of(key))


def check_owner(workbench: Workbench, run: Run, key: object) -> None:
    """Raises RunError where `key` is not this run's."""
    if not may_change(workbench, run, key):
        raise RunError(f"Run {run.id} is another visitor's: on a Space everybody may look, and only change their own.")


def check_room(workbench: Workbench, settings: Settings, key: object) -> None:
    """Raises RunError where a visitor may not start this now: one live run each, a few in all, no recipe."""
    limits = workbench.guest_limits
    if limits is None:
        return
    if settings.kind == "recipe":
        raise RunError(TOO_LONG)
    live = [run for run in jobs.list_runs(workbench.store.data_folder) if run.is_live]
    owner = owner_of(key)
    if not owner:
        raise RunError("This browser has no key for its runs yet. Reload the page.")
    if sum(run.owner == owner for run in live) >= limits.max_runs:
        raise RunError("You have a run going on or waiting already: wait until it is over, or cancel it.")
    if len(live) >= MAX_LIVE:
        raise RunError(f"{len(live)} runs go on or wait already: come back in a few minutes.")


def start(workbench: Workbench, settings: Settings, key: object) -> str:
    """Start a run in the name of `key`; its id. Raises RunError or BadInput."""
    check_room(workbench, settings, key)
    if not is_shared(workbench):
        return jobs.start(settings, workbench.store.data_folder)
    return jobs.start(settings, workbench.store.data_folder, owner=owner_of(key))
