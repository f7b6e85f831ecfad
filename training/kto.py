"""KTO on our pairs: each side a row of its own, chosen desirable, rejected undesirable; TRL's KTOTrainer.

    {"prompt": "Ana has 3 coins. …\\n", "completion": "Solve Parent: … = 5\\n…", "label": true}

KTO, arXiv 2402.01306. Its reference point is the mean over a batch of completions put to other rows' questions, so rows
keep the order they are made in: a step's chosen ones, then its rejected ones; each row's other completion is that of
the row before it in the step. EOS is on the chosen rows that end a solution, and only there, as in DPO.

Not covered: weights of the two sides (there are as many of each); steps in parts when memory runs out.
"""

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from reasoner.errors import RunError
from reasoner.records import Pair
from training.careful import careful
from training.order import ByLength
from training.pair_trainer import only_fitting, with_reference

if TYPE_CHECKING:
    from datasets import Dataset


def unpaired(pairs: Sequence[Pair], prompts: Sequence[str], at_once: int, seed: int) -> "Dataset":
    """The pairs as rows, 2 × `at_once` of them a process and step. Raises RunError where a step has but one pair."""
    from datasets import Dataset

    if at_once < 2 or len(pairs) < 2:
        raise RunError(
            "KTO compares a completion with those of other questions in its step, and a step has one pair: give a "
            "larger --batch (two pairs a process at least), or more pairs."
        )
    lengths = [len(prompt) + len(pair.chosen) for prompt, pair in zip(prompts, pairs, strict=True)]
    order = list(ByLength(lengths, at_once, seed))
    rows = []
    for start in range(0, len(order), at_once):
        step = order[start : start + at_once]
        rows += [_row(prompts[i], pairs[i].chosen, True, pairs[i].is_whole) for i in step]
        rows += [_row(prompts[i], pairs[i].rejected, False, False) for i in step]
    return Dataset.from_list(rows)


def _row(prompt: str, completion: str, label: bool, ends: bool) -> dict[str, Any]:
    return {"prompt": prompt, "completion": completion, "label": label, "ends": ends}


@cache
def kto_trainer() -> type[Any]:
    """The class, made when TRL is first needed."""
    from trl import KTOTrainer  # type: ignore[attr-defined]

    class UnpairedTrainer(careful(KTOTrainer)):  # type: ignore[misc]
        keeps_order = True
        is_divisible = False
        why_not_shared = "KTO's rows are no pairs"

        def _prepare_dataset(self, dataset: Any, processing_class: Any, args: Any, *rest: Any) -> Any:
            eos = processing_class.eos_token_id
            rows = super()._prepare_dataset(dataset, processing_class, args, *rest)
            rows = only_fitting(rows.map(lambda row: end(row, eos)), self.context, self.dropped)
            return rows.map(put_to_others, batched=True, batch_size=args.per_device_train_batch_size)

        def _precompute_ref_logps(self, dataset: Any, name: str, batch_size: int) -> Any:
            return with_reference(self, dataset, batch_size, ("ref_logps", "ref_KL_logps"))

    return UnpairedTrainer


def end(row: dict[str, Any], eos: int) -> dict[str, Any]:
    """The tokenised row without TRL's EOS where it does not end a solution. Raises RunError where EOS is elsewhere."""
    ids = row["completion_ids"]
    if not row["ends"] and ids[-1:] == [eos]:
        ids = ids[:-1]
    if not ids or (ids[-1] == eos) != row["ends"] or eos in ids[:-1]:
        raise RunError(
            "The tokenizer does not keep its end-of-sequence token apart from the text, so a row's end cannot be told: "
            "train another model."
        )
    return row | {"completion_ids": ids}


def put_to_others(step: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """KTO's other completions: of the row before, in a step; the first row has the last one's."""
    own = step["completion_ids"]
    return step | {"KL_completion_ids": [own[-1], *own[:-1]]}
