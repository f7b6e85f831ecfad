"""A model between two stages: a folder or Hugging Face id, with or without an adapter of it.

sft = trained(Path("run/sft"))          Solver("run/sft/model") or Solver("assets/model/solver", "run/sft/adapter")
engine = engine_of(sft)                 in this process
engine = engine_of(sft, "http://…")     a server's, which must serve this very model
engine = engine_of(sft, "{serve} --port {port}")     a server's that is started for it
"""

import gc
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reasoner.engines import Engine, load_engine
from reasoner.engines.local import LocalEngine
from reasoner.engines.local_loading import find_model, model_name
from reasoner.engines.prompts import is_plain, knows_tags
from reasoner.errors import EngineError, RunError
from reasoner.records import Maker
from training.lora import CONFIG, be_quiet, check_eos, is_adapter, resolve
from training.recipes.serving import Served, is_command

RANKS = (8, 16, 32, 64, 128, 256, 320, 512)  # those vLLM takes for --max-lora-rank


@dataclass(frozen=True, slots=True)
class Solver:
    """What solves problems at one point of a recipe."""

    model: str  # folder or Hugging Face id
    adapter: str = ""  # folder of a LoRA adapter of it

    @property
    def name(self) -> str:
        """What a server must know it by."""
        return self.adapter or self.model


def trained(out: Path) -> Solver:
    """The solver that a training stage left in `out`: OUT/model or OUT/adapter. Raises RunError where there is none."""
    if (out / "model" / "config.json").is_file():
        return Solver(str(out / "model"))
    if is_adapter(str(out / "adapter")):
        config = json.loads((out / "adapter" / CONFIG).read_text(encoding="utf-8"))
        return Solver(str(config["base_model_name_or_path"]), str(out / "adapter"))
    raise RunError(f"There is no trained model in {out}: delete that folder and run the same command again.")


_last: dict[tuple[Solver, str], Engine] = {}  # the engine asked for last: the next stage often wants the same
_served: list[Served] = []  # its server, where the recipe started one


def engine_of(solver: Solver, server: str = "") -> Engine:
    """The engine that writes as `solver`. Raises EngineError, BadInput, or RunError if a server has another model.

    server: addresses, or a command that starts one (serving.py).
    """
    key = (solver, server)
    if key not in _last:
        release()
        if is_command(server):
            _served.append(Served(server, serve_command(solver), solver.model, solver.name))
            server = _served[-1].url
        engine = load_engine(solver.name if server else solver.model, "" if server else solver.adapter, server)
        if server:
            _check_served(engine, solver)
        _last[key] = engine
    return _last[key]


def reader_of(solver: Solver) -> Engine:
    """What renders prompts and counts tokens as the solver's engine does, and cannot write: no weights are read.

    Raises EngineError as `load_engine` does.
    """
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    found = find_model(solver.model)
    be_quiet()
    try:
        tokenizer = AutoTokenizer.from_pretrained(found.model, trust_remote_code=False)
        config = AutoConfig.from_pretrained(found.model, trust_remote_code=False)
        with torch.device("meta"):
            shape: Any = AutoModelForCausalLM.from_config(config)
    except (OSError, ValueError) as error:
        first_line = str(error).strip().split("\n")[0]
        raise EngineError(
            f"The model {solver.model} cannot be read: {first_line} Check the folder or the id."
        ) from error
    maker = Maker("local", model_name(found.model))
    return LocalEngine(shape, tokenizer, maker, is_plain(found.model), knows_tags(found.model))


def check_start(model: str) -> None:
    """Can training begin with it? Raises EngineError or RunError at the first second, not after the sampling."""
    start = Solver(*resolve(model, ""))
    check_eos(reader_of(start).tokenizer, start.model)  # type: ignore[attr-defined]


def release() -> None:
    """Give back the memory of the engine or trainer before: models do not fit twice on a GPU."""
    _last.clear()
    while _served:
        _served.pop().stop()
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()


def _check_served(engine: Engine, solver: Solver) -> None:
    from reasoner.engines.server_loop import wait_for

    for endpoint in getattr(engine, "endpoints", ()):
        models = wait_for(endpoint.models())
        if models is not None and solver.name not in models:
            raise RunError(
                f"The server at {endpoint.url} serves {', '.join(models)[:200]}, and this stage needs {solver.name}. "
                f"Serve it:\n  {serve_command(solver)}\nthen run the same command again: it goes on here."
            )


def serve_command(solver: Solver) -> str:
    """How vLLM is told to serve this solver under the name that the recipe asks for."""
    if not solver.adapter:
        return f"vllm serve {solver.model} --served-model-name {solver.name}"
    config = json.loads((Path(solver.adapter) / CONFIG).read_text(encoding="utf-8"))
    rank = next((size for size in RANKS if size >= int(config["r"])), RANKS[-1])
    lora = f"--enable-lora --max-lora-rank {rank} --lora-modules {solver.name}={solver.adapter}"
    return f"vllm serve {solver.model} {lora}"
