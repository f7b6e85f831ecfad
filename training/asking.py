"""From what a page or program asks to the settings of a run, within the workbench's bounds.

    settings = ask(workbench, epochs=3.0, max_pairs=0)
    jobs.start(settings, workbench.store.data_folder)

On a Space a visitor's run is bounded in pairs and seconds, whatever the request says: any event can be forged.
"""

from dataclasses import fields, replace
from typing import Any

from reasoner.errors import RunError
from reasoner.workbench import Workbench
from training.lora import is_adapter
from training.run_settings import Settings

GUEST_PROBLEMS = 100  # held-out problems of a visitor's run. Ours: half a minute
GUEST_EPOCHS = 3.0

NAMES = {item.name for item in fields(Settings)} - {"store", "model", "adapter"}


def ask(workbench: Workbench, from_adapter: bool = True, **asked: Any) -> Settings:
    """Settings for the model in use; `from_adapter` goes on from the adapter in use, if there is one.

    `asked`: fields of Settings by name. Values are checked when the run starts (jobs.start). Raises RunError for a
    model that is on a server.
    """
    if workbench.server:
        raise RunError("The solver in use runs on a server: to fine-tune, start the workbench with a local --model.")
    unknown = asked.keys() - NAMES
    if unknown:
        raise TypeError(f"not settings of a run: {sorted(unknown)}")
    adapter = workbench.adapter if from_adapter and not is_adapter(workbench.model) else ""
    settings = Settings(store=str(workbench.store.path), model=workbench.model, adapter=adapter, **asked)
    bounds = workbench.guest_limits
    if bounds is None:
        return settings
    return replace(
        settings,
        max_pairs=min(settings.max_pairs or bounds.max_pairs, bounds.max_pairs),
        num_explore=min(settings.num_explore, bounds.max_pairs),
        max_seconds=min(settings.max_seconds or bounds.max_seconds, bounds.max_seconds),
        num_problems=min(settings.num_problems, GUEST_PROBLEMS),
        epochs=min(settings.epochs, GUEST_EPOCHS),
        rank=Settings.rank,
        batch=Settings.batch,
    )
