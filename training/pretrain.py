"""The built-in solver, trained from scratch on a fixed set of generated problems: `make model`.

    python -m training.pretrain --out assets/model/solver               # two CPU cores, about an hour
    python -m training.pretrain --preset gpu --out /tmp/larger          # a GPU, minutes

A Qwen3 decoder (QK-norm keeps it stable at Muon's rates), whole-word tokens, one pass over short problems first. Loss
on the solution alone. Muon (torch.optim.Muon) on the matrices, AdamW on the rest. assets/LOG.md has the attempts.
"""

import argparse
import json
import math
import random
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reasoner.records import Problem
from training.vocabulary import build_tokenizer
from training.wordproblems import problem_set

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerFast


@dataclass(frozen=True)
class Preset:
    """Everything that decides the weights."""

    hidden: int = 256
    layers: int = 4
    heads: int = 4
    num_easy: int = 30_000  # problems of the fixed set, by level
    num_medium: int = 22_000
    num_hard: int = 6_000
    data_seed: int = 1  # problem_set's seed; evaluation and exploration use others
    passes: float = 1.0  # over the fixed set
    batch: int = 24  # solutions a step
    matrix_rate: float = 2e-2  # Muon
    other_rate: float = 3e-3  # AdamW
    warm_up: float = 0.02  # share of the steps
    cool_down: float = 0.5  # share of the steps, linear to zero
    seed: int = 0


PRESETS = {"cpu": Preset(), "gpu": Preset(hidden=384, layers=6, heads=6, passes=4.0, batch=128)}


def fixed_set(preset: Preset) -> list[Problem]:
    """The training problems, easy ones first, each level in a fixed shuffle."""
    easy = problem_set("easy", preset.num_easy, preset.data_seed)
    rest = problem_set("medium", preset.num_medium, preset.data_seed)
    rest += problem_set("hard", preset.num_hard, preset.data_seed)
    random.Random(preset.seed).shuffle(rest)
    half = len(easy) // 2  # half of the easy ones first, the others among the rest
    mixed = easy[half:] + rest
    random.Random(preset.seed + 1).shuffle(mixed)
    return easy[:half] + mixed


Example = tuple[list[int], int]  # token ids of question + solution + EOS, number of prompt tokens


def encode(problems: list[Problem], tokenizer: "PreTrainedTokenizerFast") -> list[Example]:
    """Token ids of each problem's question, newline, solution and EOS, with the length of the question part."""
    prompts = tokenizer([p.question + "\n" for p in problems])["input_ids"]
    solutions = tokenizer([p.solution for p in problems])["input_ids"]
    eos = tokenizer.eos_token_id
    return [([*prompt, *solution, eos], len(prompt)) for prompt, solution in zip(prompts, solutions, strict=True)]


def batches(examples: list[Example], preset: Preset) -> Iterator[list[Example]]:
    """Batches in the set's order, of similar lengths within every window of 32 batches, so that little is padding."""
    rng = random.Random(preset.seed + 2)
    window = preset.batch * 32
    for start in range(0, len(examples), window):
        rows = sorted(examples[start : start + window], key=lambda example: len(example[0]))
        groups = [rows[i : i + preset.batch] for i in range(0, len(rows), preset.batch)]
        rng.shuffle(groups)
        yield from groups


def collate(rows: list[Example], pad: int) -> "tuple[torch.Tensor, torch.Tensor]":
    """ids (batch, length) padded on the right, and targets of the same shape: -100 on the question and the padding."""
    import torch

    length = max(len(ids) for ids, _ in rows)
    ids = torch.full((len(rows), length), pad)
    targets = torch.full((len(rows), length), -100)
    for i, (row, num_prompt) in enumerate(rows):
        ids[i, : len(row)] = torch.tensor(row)
        targets[i, num_prompt : len(row)] = torch.tensor(row[num_prompt:])
    return ids, targets


def make_model(preset: Preset, tokenizer: "PreTrainedTokenizerFast") -> "PreTrainedModel":
    import torch
    from transformers import Qwen3Config, Qwen3ForCausalLM

    torch.manual_seed(preset.seed)
    config = Qwen3Config(
        vocab_size=64 * math.ceil(len(tokenizer) / 64),
        hidden_size=preset.hidden,
        intermediate_size=3 * preset.hidden,
        num_hidden_layers=preset.layers,
        num_attention_heads=preset.heads,
        num_key_value_heads=preset.heads,
        head_dim=preset.hidden // preset.heads,
        max_position_embeddings=1024,
        tie_word_embeddings=True,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=None,
        use_cache=True,
    )
    config.first_pit = {"prompt": "plain", "format": "transitions"}
    return Qwen3ForCausalLM(config)


def optimizers(model: "PreTrainedModel", preset: Preset) -> "list[torch.optim.Optimizer]":
    import torch

    matrices = [p for name, p in model.named_parameters() if p.ndim == 2 and "embed" not in name]
    others = [p for name, p in model.named_parameters() if p.ndim != 2 or "embed" in name]
    return [
        torch.optim.Muon(matrices, lr=preset.matrix_rate, weight_decay=0.01),
        torch.optim.AdamW(others, lr=preset.other_rate, betas=(0.9, 0.95), weight_decay=0.0),
    ]


def rate_factor(step: int, num_steps: int, preset: Preset) -> float:
    """Warm-up, a plateau, and a linear way down to zero. 0-1."""
    warm_up, cool_down = preset.warm_up * num_steps, preset.cool_down * num_steps
    return min(1.0, (step + 1) / max(1.0, warm_up), (num_steps - step) / max(1.0, cool_down))


def train(preset: Preset, out: Path) -> dict[str, Any]:
    """Train, save model and tokenizer into `out` (bf16 safetensors), return what happened."""
    import torch

    began = time.time()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    problems = fixed_set(preset)
    tokenizer = build_tokenizer((p.question + "\n" + p.solution for p in problems), out)
    examples = encode(problems, tokenizer)
    model = make_model(preset, tokenizer).to(device)
    tools = optimizers(model, preset)
    base_rates = [group["lr"] for tool in tools for group in tool.param_groups]
    steps_a_pass = sum(1 for _ in batches(examples, preset))
    num_steps = int(steps_a_pass * preset.passes)
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters, {len(examples):,} problems, {num_steps:,} steps")
    step, tokens, losses = 0, 0, []
    while step < num_steps:
        for rows in batches(examples, preset):
            if step >= num_steps:
                break
            factor = rate_factor(step, num_steps, preset)
            groups = [group for tool in tools for group in tool.param_groups]
            for group, base in zip(groups, base_rates, strict=True):
                group["lr"] = base * factor
            losses.append(update(model, tools, *(t.to(device) for t in collate(rows, tokenizer.pad_token_id))))
            tokens += sum(len(ids) for ids, _ in rows)
            step += 1
            if step % 50 == 0:
                mean = sum(losses[-50:]) / 50
                rate = tokens / (time.time() - began)
                print(
                    f"{step}/{num_steps} loss {mean:.4f} {rate:,.0f} tokens/s {time.time() - began:.0f} s", flush=True
                )
            if step % 250 == 0:
                save(model, out)
    save(model, out)
    facts = {"preset": asdict(preset), "steps": num_steps, "tokens": tokens, "seconds": round(time.time() - began)}
    facts |= {"final_loss": round(sum(losses[-50:]) / max(1, len(losses[-50:])), 5), "device": device}
    (out / "training.json").write_text(json.dumps(facts, indent=1) + "\n")
    return facts


def update(
    model: "PreTrainedModel", tools: "list[torch.optim.Optimizer]", ids: "torch.Tensor", targets: "torch.Tensor"
) -> float:
    """One step on ids, targets (batch, length): mean cross-entropy over the solution's tokens. Right padding under
    a causal mask needs no attention mask, and logits are computed only where there is a target."""
    import torch

    with torch.autocast(ids.device.type, dtype=torch.bfloat16):
        hidden = model.model(input_ids=ids, use_cache=False).last_hidden_state
        wanted = targets[:, 1:] != -100
        logits = model.lm_head(hidden[:, :-1][wanted])
    loss = torch.nn.functional.cross_entropy(logits.float(), targets[:, 1:][wanted])
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    for tool in tools:
        tool.step()
        tool.zero_grad(set_to_none=True)
    return loss.item()


def save(model: "PreTrainedModel", out: Path) -> None:
    """bf16 safetensors: half the size, and what the weights are worth."""
    import copy

    import torch

    copy.deepcopy(model).to(torch.bfloat16).save_pretrained(out, safe_serialization=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", choices=PRESETS, default="cpu")
    parser.add_argument("--passes", type=float, help="passes over the fixed set, to try things quickly")
    parser.add_argument("--out", type=Path, required=True, help="folder for model and tokenizer")
    arguments = parser.parse_args()
    preset = PRESETS[arguments.preset]
    if arguments.passes:
        preset = replace(preset, passes=arguments.passes)
    arguments.out.mkdir(parents=True, exist_ok=True)
    print(json.dumps(train(preset, arguments.out), indent=1))


if __name__ == "__main__":
    main()
