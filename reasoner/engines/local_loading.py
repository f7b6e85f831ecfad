"""From the name of a model to the model, its tokenizer and its adapter, or to words that say why not.

    model, tokenizer = load_model(find_model("Qwen/Qwen3-0.6B"))

A model is a folder or a Hugging Face id; an adapter's folder may stand for both. Weights are safetensors only: pickled
ones can run code when they are read. Code that comes with a model is never run.
"""

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reasoner.errors import EngineError

BUILT_IN = str(Path(__file__).resolve().parents[2] / "assets" / "model" / "solver")
HUB_ID = re.compile(r"[\w.-]+(/[\w.-]+)?")
PICKLED = ("*.bin", "*.pt", "*.pth", "*.pkl", "*.ckpt")
TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.*", "spiece.model", "tekken.json", "*.tiktoken")
SMALL = 100_000_000  # parameters. Ours: on ZeroGPU a model below this answers sooner on the CPU than a GPU is granted


@dataclass(frozen=True)
class Found:
    """What to load."""

    model: str  # folder or Hugging Face id
    adapter: str  # folder, or empty


def find_model(model: str, adapter: str = "") -> Found:
    """Check the folders that `model` and `adapter` name before anything heavy is imported. Raises EngineError."""
    folder = Path(model).expanduser()
    if (folder / "adapter_config.json").is_file() and not (folder / "config.json").is_file():
        if adapter:
            raise EngineError(f"{model} is an adapter itself; leave out either it or {adapter}.")
        model, adapter = _base_of(folder), str(folder)
        folder = Path(model).expanduser()
    if folder.exists() or model == BUILT_IN or not HUB_ID.fullmatch(model):
        _check_model_folder(folder, is_built_in=model == BUILT_IN)
        model = str(folder)
    if adapter:
        adapter = str(Path(adapter).expanduser())
        check_adapter_folder(Path(adapter), model)
    return Found(model, adapter)


def model_name(model: str) -> str:
    """What to call a model: a folder's name, the run's where that is just "model", or the whole Hugging Face id."""
    if not Path(model).is_dir():
        return model
    path = Path(model).resolve()
    return path.parent.name if path.name == "model" else path.name


def adapter_name(folder: str) -> str:
    """What to call the adapter in `folder`: the run's name where the folder is just "adapter"."""
    path = Path(folder)
    return path.parent.name if path.name == "adapter" and path.parent.name else path.name


def _check_model_folder(folder: Path, is_built_in: bool) -> None:
    if not folder.is_dir():
        if is_built_in:
            raise EngineError(
                f"The built-in solver's weights are not in {folder}: run `make model`, or name another model (--model)."
            )
        raise EngineError(
            f"There is no model folder {folder}: check the path, or give a Hugging Face id such as Qwen/Qwen3-0.6B."
        )
    if not (folder / "config.json").is_file():
        raise EngineError(
            f"{folder} has no config.json, so it is no model folder: give the folder that save_pretrained wrote."
        )
    if not any(folder.glob("*.safetensors")):
        raise EngineError(_no_weights(folder))
    if not any(file for pattern in TOKENIZERS for file in folder.glob(pattern)):
        raise EngineError(f"{folder} has no tokenizer (tokenizer.json is missing): copy the whole folder again.")


def _no_weights(folder: Path) -> str:
    pickled = [path.name for pattern in PICKLED for path in folder.glob(pattern)]
    if pickled:
        return (
            f"{folder} has pickled weights only ({pickled[0]}), which can run code when read, so they are not: "
            "convert them with save_pretrained, which writes model.safetensors."
        )
    return f"{folder} has no weights: model.safetensors is missing. Download or copy the whole folder again."


def check_adapter_folder(folder: Path, model: str) -> None:
    """Raises EngineError for a folder that is no adapter's, or is one of another model: both are named."""
    if not (folder / "adapter_config.json").is_file():
        raise EngineError(f"{folder} is no adapter's folder: it has no adapter_config.json.")
    if not (folder / "adapter_model.safetensors").is_file():
        raise EngineError(
            f"{folder} has no adapter_model.safetensors: its training has not finished, or its weights are pickled, "
            "which are not read because they can run code."
        )
    base = str(_adapter_config(folder).get("base_model_name_or_path") or "")
    if base and _bare_name(base) != _bare_name(model):
        raise EngineError(f"The adapter {folder} was made for the model {base}, not for {model}: choose one that fits.")


def _base_of(folder: Path) -> str:
    base = str(_adapter_config(folder).get("base_model_name_or_path") or "")
    if not base:
        raise EngineError(f"The adapter {folder} does not name its base model: give the model, and this as --adapter.")
    was_built_in = Path(base).parts[-3:] == Path(BUILT_IN).parts[-3:]  # trained in another checkout of this project
    return BUILT_IN if was_built_in and not Path(base).exists() else base


def _adapter_config(folder: Path) -> dict[str, Any]:
    try:
        config = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise EngineError(f"{folder / 'adapter_config.json'} cannot be read: {error}") from error
    return config if isinstance(config, dict) else {}


def _bare_name(model: str) -> str:
    """A model's last name, whether it is a path, an id, or a folder of the Hugging Face cache."""
    cached = re.search(r"models--.+?--([^/\\]+)", model)
    path = Path(model)
    own = f"{path.parent.name}/model" if path.name == "model" else path.name  # a run's: training/full.py
    return cached[1] if cached else own


def load_model(found: Found) -> tuple[Any, Any]:
    """The model, ready to sample, and its tokenizer. Raises EngineError."""
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()
    os.environ.setdefault("DISABLE_SAFETENSORS_CONVERSION", "1")  # else a pickled model asks the Hub to convert it
    has_gpu = torch.cuda.is_available()
    try:
        tokenizer = AutoTokenizer.from_pretrained(found.model, trust_remote_code=False)
        loading: Any = AutoModelForCausalLM.from_pretrained(
            found.model,
            dtype=torch.bfloat16 if has_gpu else torch.float32,
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
        )
        model, report = loading
        if found.adapter:
            model = _with_adapter(model, found.adapter)
    except (
        OSError,
        ValueError,
        RuntimeError,
        ImportError,
        LookupError,
        TypeError,
        AttributeError,
        SafetensorError,
    ) as error:
        raise EngineError(_why_not(found, error)) from error
    if report["missing_keys"]:
        missing = sorted(report["missing_keys"])[0]
        raise EngineError(f"The weights of {found.model} are incomplete ({missing} is missing): copy the folder again.")
    return _placed(model.eval(), has_gpu), tokenizer


def _with_adapter(model: Any, folder: str) -> Any:
    """The model with the adapter in `folder`, merged where nothing is lost by it."""
    import torch
    from peft import PeftModel

    adapted = PeftModel.from_pretrained(model, folder, is_trainable=False)
    if next(adapted.parameters()).dtype == torch.float32:
        return adapted.merge_and_unload(safe_merge=True)
    return adapted.base_model.model  # in bf16 a small update would be lost in rounding: it stays a layer of its own


def _placed(model: Any, has_gpu: bool) -> Any:
    import torch

    is_shared_gpu = bool(os.environ.get("SPACES_ZERO_GPU"))
    if has_gpu and not (is_shared_gpu and model.num_parameters() < SMALL):
        return model.to("cuda")
    return model.to(torch.float32)


def _why_not(found: Found, error: Exception) -> str:
    """What went wrong while loading, in one line, and what to do about it."""
    said = " ".join(str(error).split())[:300]
    if found.adapter and ("adapter" in said.lower() or "size mismatch" in said or "target modules" in said.lower()):
        return f"The adapter {found.adapter} does not fit the model {found.model}: {said}"
    if "safetensors" in said and "does not appear to have" in said:
        return (
            f"{found.model} has no safetensors weights on the Hub, and pickled ones are not read: choose another model."
        )
    if Path(found.model).is_dir():
        return f"The model in {found.model} cannot be loaded: {said}"
    return (
        f"There is no folder {found.model}, and Hugging Face gave no such model: check the name and the network "
        f"(for a gated model, HF_TOKEN). It said: {said}"
    )
