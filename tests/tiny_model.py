"""Tiny random models with a whole-word tokenizer, for tests: a folder in milliseconds, no network.

folder = make_model(tmp_path / "tiny", plain=True)
"""

import json
import re
from pathlib import Path
from typing import Any

from training.vocabulary import tokenizer_of

PEOPLE = ("Ana", "Ben", "Cal")
WORDS = re.findall(
    r"\S+",
    "has had have more fewer coins stamps than How many does do ? . , = + - * / ( ) : The answer is the find "
    "Formalize Decompose Solve Subquestion Parent Summarize Verify Question Answer in all each of and one step a line",
)
SPREAD = 0.3  # of the random weights: wide enough that what is written depends on what was read
QUESTION = "Ana has 3 coins . Ben has 2 more coins than Ana . How many coins does Ben have ?"


def make_tokenizer(chat_template: str = "") -> Any:
    """WordPiece over whole words, digits single, the line break a token, unknown words [UNK]."""
    digits = "0123456789"
    hanging = [*digits, *".,?:", "'s"]
    pieces = ["[PAD]", "[UNK]", "[EOS]", "\n", *digits, *PEOPLE, *WORDS, *(f"##{piece}" for piece in hanging)]
    wrapped = tokenizer_of(list(dict.fromkeys(pieces)))
    if chat_template:
        wrapped.chat_template = chat_template
    return wrapped


def make_model(
    folder: Path, kind: str = "qwen3", plain: bool = True, context: int = 256, chat_template: str = "", seed: int = 0
) -> Path:
    """Save a random model of two layers and its tokenizer into `folder`. kind: qwen3, llama, gpt2 or mistral."""
    import torch
    from transformers import AutoModelForCausalLM

    tokenizer = make_tokenizer(chat_template)
    config = _config(kind, len(tokenizer), context)
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(config)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    if plain:
        path = folder / "config.json"
        settings = json.loads(path.read_text()) | {"first_pit": {"prompt": "plain", "format": "transitions"}}
        path.write_text(json.dumps(settings))
    return folder


def _config(kind: str, num_words: int, context: int) -> Any:
    from transformers import GPT2Config, LlamaConfig, MistralConfig, Qwen3Config

    ids = {"pad_token_id": 0, "eos_token_id": 2, "bos_token_id": None}
    if kind == "gpt2":
        return GPT2Config(
            **ids, vocab_size=num_words, n_embd=32, n_layer=2, n_head=4, n_positions=context, initializer_range=SPREAD
        )
    shape = {
        **ids,
        "vocab_size": num_words,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 8,
        "max_position_embeddings": context,
        "initializer_range": SPREAD,
    }
    if kind == "mistral":
        return MistralConfig(**shape, sliding_window=16)
    return {"qwen3": Qwen3Config, "llama": LlamaConfig}[kind](**shape)


def make_adapter(model: Path, folder: Path, scale: float = 0.5) -> Path:
    """Save a random LoRA adapter of the model in `model` into `folder`."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    base = AutoModelForCausalLM.from_pretrained(model)
    adapted = get_peft_model(base, LoraConfig(r=2, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM"))
    torch.manual_seed(1)
    for name, weights in adapted.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weights, std=scale)
    adapted.save_pretrained(folder)
    return folder
