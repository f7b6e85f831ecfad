"""Words that a solver of whole words lacks, taught before it is trained: a model folder with a longer vocabulary.

    model = with_words("assets/model/solver", "Verify: right wrong\\nBacktrack: to state", Path("DIR/words/model"))

The built-in solver's tokenizer has one token a word (training/vocabulary.py) and was never shown "Verify". New words
get random embeddings as long as the others' are; a model of an open vocabulary is left as it is.
"""

import json
import math
from pathlib import Path
from typing import Any

from training.lora import load_for_training
from training.recipes.solver import Solver
from training.vocabulary import extend_tokenizer

ROWS = 64  # the embedding's rows are a multiple of it, as training/pretrain.py makes them


def with_words(solver: Solver, texts: str, folder: Path, seed: int = 0) -> list[str]:
    """Write the solver, its adapter merged, with the words of `texts` into `folder`; the pieces that are new."""
    import torch

    model: Any
    tokenizer: Any
    model, tokenizer = load_for_training(solver.model, solver.adapter)
    source = json.loads((Path(solver.model) / "config.json").read_text(encoding="utf-8"))
    known = len(tokenizer)
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save_pretrained(folder)
    longer: Any = extend_tokenizer([texts], folder)
    rows = max(model.get_input_embeddings().weight.shape[0], ROWS * math.ceil(len(longer) / ROWS))
    model.resize_token_embeddings(rows, mean_resizing=False)
    weights = model.get_input_embeddings().weight.data
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randn(len(longer) - known, weights.shape[1], generator=generator)
    weights[known : len(longer)] = drawn * weights[:known].std()
    if source.get("dtype") == "bfloat16":
        model.to(torch.bfloat16)
    model.save_pretrained(folder)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    kept = {name: value for name, value in source.items() if name not in config or name == "first_pit"}
    (folder / "config.json").write_text(json.dumps(config | kept, indent=2) + "\n", encoding="utf-8")
    return list(longer.convert_ids_to_tokens(range(known, len(longer))))
