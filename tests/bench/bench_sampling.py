"""Tokens a second of the local engine against a plain `generate` loop: same model, same prompts, one run.

    PYTHONPATH=. .venv/bin/python tests/bench/bench_sampling.py          → build/bench/sampling.json

explore     the first five prefixes of solutions by the built-in solver, four completions each, a call a prefix, as the
            linear search asks for them
nested      64 completions of every prefix of a solution, all in one call
solve       one completion of each of many problems
strangers   a random model of the solver's shape, whose rows never go the same way: four completions of random prompts

The plain loop is what one would write without this project: prompts sorted by length and padded on the left, `generate`
for 64 rows at a time. Medians over the repeats; processor time is counted beside the clock, since other work on the
machine disturbs the clock. Both draw from the same distribution, so they write about the same number of tokens.

"computed" is how many positions went through the model for each token that was drawn, those of prompts among them;
"padding" is the share of them that were neither prompt nor completion.
"""

import argparse
import json
import os
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

ROWS = 64  # of a plain batch: on this processor more are slower
TEMPERATURE = 0.7
OUT = Path("build/bench/sampling.json")
SHAPE: dict[str, Any] = {
    "hidden_size": 256,
    "intermediate_size": 768,
    "num_hidden_layers": 4,
    "head_dim": 64,
    "vocab_size": 256,
}


@dataclass
class Drawn:
    """What one way of sampling did."""

    tokens: int = 0  # that were drawn
    positions: int = 0  # that were computed for it
    padding: int = 0  # positions that were neither prompt nor completion

    def add(self, other: "Drawn") -> None:
        self.tokens += other.tokens
        self.positions += other.positions
        self.padding += other.padding


Call = list[tuple[tuple[int, ...], int, int]]  # prompts with how many completions of each, and of how many tokens


def by_ours(model: Any, calls: Sequence[Call], ends: frozenset[int]) -> Drawn:
    from reasoner.engines.local_batches import prefix_bytes, shared_rows
    from reasoner.engines.local_prefixes import PrefixStore
    from reasoner.engines.local_sampling import Row, Settings
    from reasoner.engines.local_shared import Loop

    done, store = Drawn(), PrefixStore(prefix_bytes(model))
    for call in calls:
        rows = [Row(ids, f"{number} {ids}", limit) for ids, num, limit in call for number in range(num)]
        settings = Settings(TEMPERATURE, 1.0, ends, lambda tokens: False)
        loop = Loop(model, rows, settings, shared_rows(model, rows), store)
        loop.run()
        done.tokens += sum(len(one.tokens) for one in loop.drawn)
        done.positions += loop.num_computed
    done.positions += store.num_read + store.num_padding
    done.padding = store.num_padding
    return done


def by_generate(model: Any, calls: Sequence[Call], ends: frozenset[int]) -> Drawn:
    done = Drawn()
    for call in calls:
        rows = sorted(((ids, limit) for ids, num, limit in call for _ in range(num)), key=lambda row: len(row[0]))
        for start in range(0, len(rows), ROWS):
            done.add(generated(model, rows[start : start + ROWS], ends))
    return done


def generated(model: Any, rows: Sequence[tuple[tuple[int, ...], int]], ends: frozenset[int]) -> Drawn:
    """One batch; tokens after a row's end are not counted as drawn."""
    import torch

    from reasoner.engines.local_sampling import left_padded

    ids, mask = left_padded([prompt for prompt, _ in rows], 0, "cpu")
    longest = max(limit for _, limit in rows)
    with torch.inference_mode():
        written = model.generate(
            ids, attention_mask=mask, do_sample=True, temperature=TEMPERATURE, top_k=0, max_new_tokens=longest,
            eos_token_id=sorted(ends) or None, pad_token_id=0,
        )[:, ids.shape[1] :].tolist()  # fmt: skip
    lengths = [
        next((place + 1 for place, token in enumerate(row[:limit]) if token in ends), min(len(row), limit))
        for row, (_, limit) in zip(written, rows, strict=True)
    ]
    positions = ids.numel() + sum(len(row) - 1 for row in written)
    return Drawn(sum(lengths), positions, positions - int(mask.sum()) - sum(length - 1 for length in lengths))


def solver_calls(engine: Any, num_traces: int) -> dict[str, list[Call]]:
    """The three workloads of the built-in solver."""
    from reasoner.formats.prefixes import format_of, prefix_text, stops
    from reasoner.solve import solve_many
    from training.wordproblems import problem_set

    problems = [problem for level in ("easy", "medium") for problem in problem_set(level, num_traces // 2, 5001)]
    traces = [trace for trace in solve_many(engine, problems) if trace.steps]
    limit = format_of(traces[0]).max_new_tokens

    def ids(text: str) -> tuple[int, ...]:
        return tuple(engine.tokenizer(text)["input_ids"])

    prefixes = [[ids(trace.prompt + prefix_text(trace, end)) for end in stops(trace)] for trace in traces]
    rounds = [[(one[step], 4, limit) for one in prefixes if step < len(one)] for step in range(5)]
    nested = [[(prefix, 64, limit) for prefix in one] for one in prefixes[:: max(1, num_traces // 2)]]
    return {"explore": rounds, "nested": nested, "solve": [[(ids(trace.prompt), 1, limit) for trace in traces]]}


def strangers() -> tuple[Any, list[Call]]:
    import torch
    from transformers import Qwen3Config, Qwen3ForCausalLM

    torch.manual_seed(0)
    heads: dict[str, Any] = {"num_attention_heads": 4, "num_key_value_heads": 4}
    config = Qwen3Config(**SHAPE, **heads, max_position_embeddings=1024, tie_word_embeddings=True, bos_token_id=None)
    rng = random.Random(0)
    call = [
        (tuple(rng.randrange(3, 256) for _ in range(rng.randrange(60, 130))), 4, rng.randrange(20, 100))
        for _ in range(16)
    ]
    return Qwen3ForCausalLM(config).eval(), [call]


def measure(workload: str, ways: Mapping[str, Callable[[], Drawn]], repeats: int) -> list[dict[str, Any]]:
    """The ways in turn, `repeats` times; medians."""
    times: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
    done: dict[str, Drawn] = {}
    for _ in range(repeats):
        for way, draw in ways.items():
            wall, processor = time.perf_counter(), time.process_time()
            done[way] = draw()
            times[way].append((time.perf_counter() - wall, time.process_time() - processor))
    rows = []
    for way, drawn in done.items():
        row = {
            "workload": workload,
            "way": way,
            "tokens": drawn.tokens,
            "tokens_per_second": round(drawn.tokens / median(wall for wall, _ in times[way])),
            "per_cpu_second": round(drawn.tokens / median(processor for _, processor in times[way])),
            "computed": round(drawn.positions / drawn.tokens, 3),
            "padding": round(drawn.padding / drawn.positions, 4),
        }
        print(
            f"{workload:10} {way:16}{row['tokens_per_second']:8,} tokens/s{row['per_cpu_second']:8,} a processor second"
            f"{row['computed']:8.2f} computed a token{row['padding']:8.1%} padding",
            flush=True,
        )
        rows.append(row)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description="The local engine against a plain generate loop.")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--traces", type=int, default=32, help="solutions to explore, problems to solve")
    args = parser.parse_args()
    import torch

    from reasoner.engines import BUILT_IN
    from reasoner.engines.local import load

    engine = load(BUILT_IN)
    ends = frozenset({engine.tokenizer.eos_token_id})
    random_model, random_calls = strangers()
    work = {name: (engine.model, calls, ends) for name, calls in solver_calls(engine, args.traces).items()}
    work["strangers"] = (random_model, random_calls, frozenset())
    results = []
    for name, (model, calls, ending) in work.items():
        ways = {
            "ours": partial(by_ours, model, calls, ending),
            "generate": partial(by_generate, model, calls, ending),
        }
        results += measure(name, ways, args.repeats)
    machine = {"threads": torch.get_num_threads(), "cores": os.cpu_count(), "torch": torch.__version__}
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(machine | {"repeats": args.repeats, "results": results}, indent=2) + "\n")
    print(f"wrote {OUT}")


if __name__ == "__main__":
    main()
