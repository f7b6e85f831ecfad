"""Full-parameter training: what differs from an adapter's. The result is a model folder that loads as the source does.

    RUN/model/   config.json (the source's, with its "first_pit")   model.safetensors in the source's dtype   tokenizer

Training is in float32 whatever the source's dtype is; saving rounds to that dtype once. The last good weights need no
copy: a step whose gradients are no numbers is not made (training/careful.py), so the trainer's are the last good.
"""

import json
import os
import shutil
from pathlib import Path
from typing import Any

from reasoner.errors import RunError

FOLDER = "model"
NOT_COPIED = (".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".gguf", ".index.json", ".md", ".partial")
"""Endings of a model folder's files that are its weights, or words about them."""

ABOUT_SOURCE = ("accuracy.json", "training.json")
"""Of the built-in solver: how it was made and how good it is, which is not how this one was and is."""


def save_model(trainer: Any, source: str, folder: Path) -> None:
    """Write the trained model, whole or not at all. Every process calls it, the first one writes.

    source: the model folder or Hugging Face id that training began with. Raises RunError where a weight is no number.
    """
    state = trainer.accelerator.get_state_dict(trainer.model)  # a collective call where the weights are sharded
    if not trainer.is_world_process_zero():
        return
    weights = _converted(state, _dtype_of(source))
    if not all(bool(tensor.isfinite().all()) for tensor in weights.values()):
        raise RunError("The weights are no longer numbers, so no model was saved: try a lower learning rate.")
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    model = trainer.accelerator.unwrap_model(trainer.model)
    model.save_pretrained(partial, state_dict=weights)
    _copy_rest(source, partial)
    _put(partial, folder)


def merged(model: str, adapter: str, folder: Path) -> str:
    """A model folder with the adapter taken into its weights, made once; for 4-bit training, which cannot take one in.

    Raises EngineError where the two do not fit.
    """
    from training.lora import load_for_training

    if not (folder / "config.json").is_file():
        partial = folder.with_name(folder.name + ".partial")
        shutil.rmtree(partial, ignore_errors=True)
        loaded, _ = load_for_training(model, adapter)
        loaded.to(_dtype_of(model)).save_pretrained(partial)
        _copy_rest(model, partial)
        _put(partial, folder)
    return str(folder)


def _converted(state: dict[str, Any], dtype: Any) -> dict[str, Any]:
    """On the CPU in `dtype`; weights that are one tensor under two names stay one, so that they are saved once."""
    done: dict[tuple[int, Any], Any] = {}
    weights = {}
    for name, tensor in state.items():
        key = (tensor.data_ptr(), tuple(tensor.shape))
        if key not in done:
            done[key] = tensor.detach().to("cpu", dtype if tensor.is_floating_point() else tensor.dtype)
        weights[name] = done[key]
    return weights


def _dtype_of(source: str) -> Any:
    """The torch dtype that a model's weights are stored in, as its config says, else as its first weight is."""
    import torch
    from safetensors import safe_open
    from transformers import AutoConfig

    named = getattr(AutoConfig.from_pretrained(source, trust_remote_code=False), "dtype", None)
    if isinstance(named, torch.dtype):
        return named
    if isinstance(named, str) and isinstance(getattr(torch, named, None), torch.dtype):
        return getattr(torch, named)
    for path in sorted(Path(source).glob("*.safetensors")):
        with safe_open(path, framework="pt") as file:
            dtypes = [file.get_tensor(name).dtype for name in list(file.keys())[:1]]
        if dtypes:
            return dtypes[0]
    return torch.float32


def _copy_rest(source: str, folder: Path) -> None:
    """Config, tokenizer and templates of the source beside the new weights, unchanged."""
    if Path(source).is_dir():
        for path in Path(source).iterdir():
            if path.is_file() and not path.name.endswith(NOT_COPIED) and path.name not in ABOUT_SOURCE:
                shutil.copyfile(path, folder / path.name)
    else:
        from transformers import AutoConfig, AutoTokenizer

        AutoConfig.from_pretrained(source, trust_remote_code=False).save_pretrained(folder)
        AutoTokenizer.from_pretrained(source, trust_remote_code=False).save_pretrained(folder)
    _name_dtype(source, folder)


def _name_dtype(source: str, folder: Path) -> None:
    """config.json says the dtype that the weights are in, where the source's did not."""
    path = folder / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    if not (config.get("dtype") or config.get("torch_dtype")):
        config["dtype"] = str(_dtype_of(source)).removeprefix("torch.")
        path.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def _put(partial: Path, folder: Path) -> None:
    """`partial` becomes `folder`; one that is there already is set aside first and deleted after."""
    old = folder.with_name(folder.name + ".old.partial")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        os.replace(folder, old)
    os.replace(partial, folder)
    shutil.rmtree(old, ignore_errors=True)
