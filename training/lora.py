"""Models and LoRA adapters on their way into and out of a training stage. Imported by the stages only.

A run that starts from an adapter trains a second one on the merged model, so that DPO's reference is the solver as the
person saw it (Self-Explore's reference is the explorer; with peft it would silently become the bare base model). What
is saved is both in one: LoRA updates add, B₁A₁ + B₂A₂ = [B₁ B₂][A₁; A₂], so the ranks are laid side by side and the
adapter works on the model as shipped.

Not covered: starting from an adapter other than a plain LoRA (DoRA, rank patterns, trained embeddings).
"""

import importlib.util
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reasoner.engines.local_loading import check_adapter_folder
from reasoner.errors import BadInput, EngineError, RunError

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

Weights = dict[str, "torch.Tensor"]

CONFIG = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"


def is_adapter(folder: str) -> bool:
    """Is this an adapter's folder rather than a model's?"""
    return (Path(folder) / CONFIG).is_file()


def resolve(model: str, adapter: str) -> tuple[str, str]:
    """(base model, adapter to start from): a model folder that is an adapter names its base itself.

    Raises RunError for two adapters, EngineError for an adapter of another base, naming both.
    """
    config = Path(model) / CONFIG
    if not is_adapter(model):
        if adapter:
            check_adapter_folder(Path(adapter), model)
        return model, adapter
    if adapter:
        raise RunError(f"{model} is an adapter already: give its base model and one adapter, not two adapters.")
    base = json.loads(config.read_text(encoding="utf-8")).get("base_model_name_or_path") or ""
    if not base:
        raise RunError(f"{model} does not name its base model: give the base with --model and this with --adapter.")
    return base, model


def load_for_training(
    model: str, adapter: str, quantize: str = ""
) -> "tuple[PreTrainedModel, PreTrainedTokenizerBase]":
    """The model in float32 with the adapter merged in, and its tokenizer. Safetensors only, no code of the model's.

    quantize: "4bit" for QLoRA (arXiv 2305.14314): NF4 weights, bfloat16 products. Raises EngineError; RunError where
    4 bits cannot be had, BadInput for any other word.
    """
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    be_quiet()
    how = _numbers(quantize, adapter)
    try:
        tokenizer = AutoTokenizer.from_pretrained(model, trust_remote_code=False)
        loaded = AutoModelForCausalLM.from_pretrained(model, use_safetensors=True, trust_remote_code=False, **how)
        if adapter:
            loaded = PeftModel.from_pretrained(loaded, adapter).merge_and_unload().requires_grad_(True)
    except (OSError, ValueError, RuntimeError) as error:
        first_line = str(error).strip().split("\n")[0]
        raise EngineError(
            f"The model {model}{' with adapter ' + adapter if adapter else ''} cannot be loaded for training: "
            f"{first_line} Check the folder or the Hugging Face id; weights must be .safetensors."
        ) from error
    check_eos(tokenizer, model)
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token  # padding is masked by its place, so EOS is learnt where it ends rows
    return loaded, tokenizer


def check_eos(tokenizer: Any, model: str) -> None:
    """Raises EngineError where nothing could tell the model that a solution is over."""
    if tokenizer.eos_token_id is None:
        raise EngineError(
            f"The tokenizer of {model} has no end-of-sequence token, so solutions could never end: name one of its "
            'tokens as "eos_token" in its tokenizer_config.json, or take another model.'
        )


def quantized(args: Any) -> str:
    """A stage's --quantize. Raises RunError where all weights are to be trained: 4-bit ones cannot be."""
    if args.quantize and args.rank == 0:
        raise RunError("4-bit weights stay as they are, so an adapter is trained beside them: give a --rank.")
    return str(args.quantize)


def _numbers(quantize: str, adapter: str) -> dict[str, Any]:
    """How weights are held: what from_pretrained is told."""
    import torch

    if not quantize:
        return {"dtype": torch.float32}
    if quantize != "4bit":
        raise BadInput(f"Quantize must be 4bit or nothing, not {quantize!r:.40}.")
    if not torch.cuda.is_available():
        raise RunError("4-bit training (QLoRA) needs a CUDA GPU, and there is none here: leave --quantize out.")
    if importlib.util.find_spec("bitsandbytes") is None:
        raise RunError('4-bit training needs bitsandbytes: pip install -e ".[cuda]" -c constraints.txt')
    if adapter:
        raise RunError("4-bit weights cannot take an adapter in: merge it into a model folder first, or leave one out.")
    from transformers import BitsAndBytesConfig

    kind = torch.bfloat16
    config = BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=kind
    )
    local = int(os.environ.get("LOCAL_RANK", "0"))  # each process of a node has a GPU of its own
    return {"dtype": kind, "quantization_config": config, "device_map": {"": local}}


def context_of(model: Any) -> int:
    """Most tokens that a row may have; 0: the model names no bound."""
    return int(getattr(model.config.get_text_config(), "max_position_embeddings", 0) or 0)


def be_quiet() -> None:
    """No progress bars and no advice of the libraries in the run's log, which a person reads."""
    import datasets
    import transformers

    datasets.disable_progress_bars()
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()


def lora_config(rank: int, alpha: int) -> Any:
    """A peft LoraConfig on every linear layer but the output's. No dropout: the pairs are few and the epochs too."""
    from peft import LoraConfig

    return LoraConfig(
        r=rank, lora_alpha=alpha, lora_dropout=0.0, bias="none", target_modules="all-linear", task_type="CAUSAL_LM"
    )


def adapter_weights(model: Any, state: Weights | None = None) -> Weights:
    """A copy of the adapter's weights by their saved names, on the CPU. state: all weights, where gathered."""
    from peft import get_peft_model_state_dict

    found = get_peft_model_state_dict(model, state_dict=state)
    return {name: tensor.detach().cpu().clone() for name, tensor in found.items()}


def save_adapter(weights: Weights, config: Any, folder: Path, start: str = "", base: str = "") -> None:
    """Write an adapter folder, its config last: with it the folder is whole.

    start: the adapter trained from; what is written is the sum of both.
    """
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    (folder / CONFIG).unlink(missing_ok=True)
    if start:
        weights, config = _summed(weights, config, Path(start))
    config.inference_mode = True
    config.base_model_name_or_path = base
    save_file({name: tensor.contiguous() for name, tensor in weights.items()}, folder / WEIGHTS)
    config.save_pretrained(folder)


def _summed(weights: Weights, config: Any, start: Path) -> tuple[Weights, Any]:
    """Both adapters side by side, each one's scaling taken into its B matrix, so that alpha / rank is 1."""
    import torch
    from peft import LoraConfig
    from safetensors.torch import load_file

    first_config = LoraConfig.from_pretrained(str(start))
    first = load_file(start / WEIGHTS)
    if first.keys() != weights.keys() or first_config.use_dora or first_config.rank_pattern:
        raise RunError(
            f"The adapter {start.name} changes other layers than training does, so the two cannot become one adapter. "
            "Train from the solver as shipped, or merge that adapter into a model folder first."
        )
    summed = {}
    for name, tensor in weights.items():
        if ".lora_A." in name:
            summed[name] = torch.cat([first[name].float(), tensor.float()], dim=0)  # (rank₁ + rank₂, in)
        else:
            parts = [first[name].float() * _scaling(first_config), tensor.float() * _scaling(config)]
            summed[name] = torch.cat(parts, dim=1)  # (out, rank₁ + rank₂)
    rank = first_config.r + config.r
    config.r, config.lora_alpha, config.use_rslora = rank, rank, False
    return summed, config


def _scaling(config: Any) -> float:
    return float(config.lora_alpha / (config.r**0.5 if config.use_rslora else config.r))
