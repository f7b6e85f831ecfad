"""Tokens a second of our sampling loop against transformers' `generate`, and of float32 against bf16, on this CPU.

    PYTHONPATH=. .venv/bin/python tests/bench/bench_sampling.py          → build/bench/sampling.json

A random model of the built-in solver's shape (3.3 M parameters) draws solutions from prompts of 60 to 130 tokens, four
a prompt, as an exploration does; rows end after 20 to 100 tokens. Plain `generate` gets the same rows, left padded,
without any of our code; "generate, our tokens" is the engine's own fallback. Processor time is counted beside the
clock, since other work on the machine disturbs the clock.
"""

import json
import os
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

NUM_PROMPTS, COPIES, BATCH = 16, 4, 64
OUT = Path("build/bench/sampling.json")


def make_model(dtype: Any) -> Any:
    import torch
    from transformers import Qwen3Config, Qwen3ForCausalLM

    torch.manual_seed(0)
    shape = {"hidden_size": 256, "intermediate_size": 768, "num_hidden_layers": 4, "head_dim": 64, "vocab_size": 832}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 4}
    config = Qwen3Config(**shape, **heads, max_position_embeddings=1024, tie_word_embeddings=True, bos_token_id=None)
    return Qwen3ForCausalLM(config).eval().to(dtype)


def make_rows() -> list[Any]:
    from reasoner.engines.local_sampling import Row

    rng = random.Random(0)
    prompts = sorted(
        (tuple(rng.randrange(3, 832) for _ in range(rng.randrange(60, 130))) for _ in range(NUM_PROMPTS)), key=len
    )
    return [Row(prompt, f"{prompt} {i}", rng.randrange(20, 100)) for prompt in prompts for i in range(COPIES)]


def by_plain_generate(model: Any, rows: list[Any]) -> int:
    """As one would write it without this project; tokens beyond a row's limit are not counted."""
    import torch

    from reasoner.engines.local_sampling import left_padded

    ids, mask = left_padded([row.prompt for row in rows], 0, "cpu")
    longest = max(row.limit for row in rows)
    with torch.inference_mode():
        model.generate(
            ids, attention_mask=mask, do_sample=True, temperature=0.7, top_k=0, max_new_tokens=longest,
            min_new_tokens=longest, pad_token_id=0,
        )  # fmt: skip
    return sum(row.limit for row in rows)


def by_ours(model: Any, rows: list[Any], by_generate: bool = False) -> int:
    from reasoner.engines.local_sampling import Settings, sample

    settings = Settings(0.7, 1.0, frozenset(), lambda tokens: False)
    return sum(len(one.tokens) for one in sample(model, rows, settings, by_generate))


def measure(name: str, draw: Callable[[], int]) -> dict[str, Any]:
    """Tokens a second, best of two, by the clock and by processor time."""
    draw()
    best_wall, best_cpu, tokens = float("inf"), float("inf"), 0
    for _ in range(2):
        wall, cpu = time.perf_counter(), time.process_time()
        tokens = draw()
        best_wall, best_cpu = min(best_wall, time.perf_counter() - wall), min(best_cpu, time.process_time() - cpu)
    row = {"way": name, "tokens_per_second": round(tokens / best_wall), "per_cpu_second": round(tokens / best_cpu)}
    print(f"{name:32}{row['tokens_per_second']:8,} tokens/s{row['per_cpu_second']:8,} a processor second", flush=True)
    return row


def main() -> None:
    import torch

    rows = make_rows()
    full, half = make_model(torch.float32), make_model(torch.bfloat16)
    batches = [rows[start : start + BATCH] for start in range(0, len(rows), BATCH)]
    results = [
        measure("our loop, float32", lambda: sum(by_ours(full, batch) for batch in batches)),
        measure("generate, float32", lambda: sum(by_plain_generate(full, batch) for batch in batches)),
        measure("generate, our tokens, float32", lambda: sum(by_ours(full, batch, True) for batch in batches)),
        measure("our loop, bf16", lambda: sum(by_ours(half, batch) for batch in batches)),
    ]
    machine = {"threads": torch.get_num_threads(), "cores": os.cpu_count(), "torch": torch.__version__}
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(machine | {"rows": len(rows), "batch": BATCH, "results": results}, indent=2) + "\n")
    print(f"wrote {OUT}")


if __name__ == "__main__":
    main()
