"""Self-Explore's exploration (arXiv 2404.10346 §3.2) as a plain loop around transformers' `generate`: the baseline.

    for found in explore_plainly(engine.model, engine.tokenizer, [(trace, problem), …]):
        found.pit, found.completions, found.tokens

    for i = 0, 1, … up to 20:
        prefix i of all traces that still go on, some at a time, left padded
        k completions of each at T = 0.7
        the traces of which none reaches the gold answer are done: their pit is i

As fair as a plain loop can be: traces are batched together, batches are full, prompts are sorted by length, and a batch
ends when its last row has. Unoptimised as `generate` is: prompts are read k times over, rows that have ended are
carried on to the end of their batch, and nothing is kept from one prefix to the next.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from reasoner.formats.prefixes import format_of, prefix_text, stops
from reasoner.probing import probe_of
from reasoner.records import Completion, Problem, Trace

TEMPERATURE = 0.7  # Self-Explore §4
MAX_STEPS = 20  # Self-Explore's code
BATCH = 16  # traces at a time, k completions each: 64 rows at k = 4; 8 take as long on a CPU, 64 take twice as long

__all__ = ["Explored", "explore_plainly"]


@dataclass
class Explored:
    """What the loop found in one trace."""

    trace_id: str
    pit: int | None = None  # number of the first prefix from which none recovered; None: all tried ones recovered
    completions: int = 0
    tokens: int = 0  # generated, end of sequence included; what came after it in its batch is not counted


def explore_plainly(
    model: Any,
    tokenizer: Any,
    rows: Sequence[tuple[Trace, Problem]],
    k: int = 4,
    temperature: float = TEMPERATURE,
    max_steps: int = MAX_STEPS,
    batch: int = BATCH,
    seed: int = 0,
) -> list[Explored]:
    """The pits of traces that this model solved itself: each has the prompt it was made from."""
    import torch

    torch.manual_seed(seed)
    found = [Explored(trace.id) for trace, _ in rows]
    going = list(range(len(rows)))
    for step in range(max_steps):
        going = [place for place in going if step < len(stops(rows[place][0]))]
        if not going:
            break
        prompts = {place: rows[place][0].prompt + _prefix(rows[place][0], step) for place in going}
        order = sorted(going, key=lambda place: len(prompts[place]))
        still = []
        for start in range(0, len(order), batch):
            places = order[start : start + batch]
            texts, limit = [prompts[place] for place in places], format_of(rows[places[0]][0]).max_new_tokens
            drawn = _generate(model, tokenizer, texts, k, temperature, limit)
            for place, completions in zip(places, drawn, strict=True):
                trace, problem = rows[place]
                probe = probe_of(trace, problem, stops(trace)[step], prompts[place], completions)
                found[place].completions += k
                found[place].tokens += probe.num_tokens
                if any(probe.recovered):
                    still.append(place)
                else:
                    found[place].pit = step
        going = sorted(still)
    return found


def _prefix(trace: Trace, number: int) -> str:
    return prefix_text(trace, stops(trace)[number])


def _generate(
    model: Any, tokenizer: Any, prompts: Sequence[str], k: int, temperature: float, limit: int
) -> Iterator[list[Completion]]:
    """k completions of each prompt, by one call of `generate`."""
    import torch

    tokenizer.padding_side = "left"
    inputs = tokenizer(list(prompts), return_tensors="pt", padding=True, add_special_tokens=True).to(model.device)
    with torch.inference_mode():
        output = model.generate(
            input_ids=inputs["input_ids"],
            attention_mask=inputs["attention_mask"],
            do_sample=True,
            temperature=temperature,
            top_k=0,
            top_p=1.0,
            num_return_sequences=k,
            max_new_tokens=min(limit, model.config.max_position_embeddings - inputs["input_ids"].shape[1]),
            pad_token_id=tokenizer.pad_token_id or 0,
        )
    new = output[:, inputs["input_ids"].shape[1] :].tolist()
    for first in range(0, len(new), k):
        yield [_completion(tokenizer, row) for row in new[first : first + k]]


def _completion(tokenizer: Any, row: list[int]) -> Completion:
    end = tokenizer.eos_token_id
    is_finished = end in row
    kept = row[: row.index(end)] if is_finished else row
    return Completion(tokenizer.decode(kept, skip_special_tokens=True), len(kept) + is_finished, is_finished)
