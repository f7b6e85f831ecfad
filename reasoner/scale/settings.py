"""What a folder of explored traces is explored with, the same for all its traces and in every rerun.

settings = Settings(model="assets/model/solver", k=8)
hold(folder, {"method": "adaptive", "k": 8})         the first time: written down
hold(folder, {"method": "adaptive", "k": 4})         BadInput: … was explored with k = 8, and now k is 4 …
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from reasoner import whole_file
from reasoner.engines import BUILT_IN, Engine, load_engine
from reasoner.errors import BadInput, StoreError
from reasoner.explore import DEFAULT_METHOD, NUM_COMPLETIONS, Budget, Earlier, Refused, explore_many
from reasoner.probing import TEMPERATURE
from reasoner.records import JudgedBy, Pit, Problem, Trace
from reasoner.window import TOGETHER

HELD = "settings.json"


@dataclass(frozen=True, slots=True)
class Settings:
    """Which engine explores, and how."""

    model: str = BUILT_IN  # as `load_engine` takes it
    adapter: str = ""
    server: str = ""  # URL of an endpoint, several with commas between them
    method: str = DEFAULT_METHOD  # a key of SEARCHES
    k: int = NUM_COMPLETIONS
    temperature: float = TEMPERATURE
    seed: int = 0
    judged_by: JudgedBy = "gold"  # "agreement": where no gold answer is known
    budget: int | None = None  # tokens a trace; None: no limit
    together: int = TOGETHER  # traces at the same time; so many are begun anew after a kill
    shows: bool = False  # the adaptive search goes on until it has seen a way round the pit, as a pair needs one

    def engine(self) -> Engine:
        """The engine, loaded once a process. Raises as `load_engine`."""
        return _engine(self.model, self.adapter, self.server)

    def explore(
        self,
        engine: Engine,
        rows: Iterable[tuple[Trace, Problem]],
        earlier: Earlier | None = None,
        refused: Refused | None = None,
    ) -> Iterator[Pit]:
        """The first pits of `rows` with these settings; `earlier`, `refused` and what is raised as `explore_many`."""
        return explore_many(
            engine,
            rows,
            self.k,
            self.temperature,
            seed=self.seed,
            method=self.method,
            budget=Budget(self.budget),
            judged_by=self.judged_by,
            together=self.together,
            earlier=earlier,
            refused=refused,
            shows=self.shows,
        )

    def held(self, engine: Engine) -> dict[str, Any]:
        """What must stay the same in a rerun. A server may move, and more traces may be explored at once."""
        values = asdict(self)
        for name in ("server", "together"):
            del values[name]
        if not self.shows:  # folders of earlier versions do not say it
            del values["shows"]
        return values | {"engine": engine.maker.engine, "model": engine.maker.model, "adapter": engine.maker.adapter}


@lru_cache(maxsize=1)
def _engine(model: str, adapter: str, server: str) -> Engine:
    return load_engine(model, adapter, server)


def hold(folder: Path, values: dict[str, Any], is_begun: bool = True) -> None:
    """Write down the folder's settings until it is begun; raise BadInput where that was with others."""
    before = read_json(folder / HELD)
    if before is None or not is_begun:
        write_json(values, folder / HELD)
        return
    differing = [name for name in values if before.get(name) != values[name]]
    if differing:
        said = ", ".join(f"{name} = {_shown(before.get(name))}" for name in differing)
        now = ", ".join(f"{name} is {_shown(values[name])}" for name in differing)
        raise BadInput(
            f"{folder} was explored with {said}, and now {now}. Go on with the settings it was begun with, or name "
            "another folder with --out."
        )


def _shown(value: object) -> str:
    return "none" if value in (None, "") else str(value)


def read_json(path: Path) -> Any:
    """The file's value; None where there is no such file. Raises BadInput where it is damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise BadInput(f"{path} cannot be read ({error}). Delete it, then run the same command again.") from error


def write_json(value: Any, path: Path) -> None:
    """Write `value` in one piece, in a folder that may be new. Raises StoreError where it cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        whole_file.write_json(value, path)
    except OSError as error:
        raise StoreError(
            f"{path} cannot be written: {error.strerror or error}. Make room or name another folder with --out, then "
            "run the same command again."
        ) from error
