"""Data sets of the Hugging Face Hub, or of a local folder, through `datasets`: by name instead of by file.

    import_hub(store, "openai/gsm8k", config="main", split="train")
    import_hub(store, "Qwen/ProcessBench", split="gsm8k")
    import_hub(store, "my-folder/")                     JSON Lines, Parquet, CSV or Arrow files

The rows are read by the same families as files are. A table has every column in every row, so a missing value cannot be
told from a null one: in the plain format a null first_wrong_step here means "not labelled" (-1: all right), other
columns that are null are taken as missing, except where the format itself gives null a meaning.

Not covered: data sets that need code of their own to be loaded; none of that is ever run.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from reasoner.errors import BadInput
from reasoner.interchange.importing import Follow, import_values
from reasoner.interchange.lines import Value
from reasoner.records import Counts
from reasoner.store import Store

MEANINGFUL_NULLS = ("mistake_index",)  # BIG-Bench-Mistake: all steps are right


def import_hub(
    store: Store,
    name: str,
    *,
    split: str = "train",
    config: str = "",
    format: str = "",
    keep_good: bool = False,
    limit: int = 0,
    follow: Follow | None = None,
) -> Counts:
    """Import one split of a data set; `limit` rows of it, 0 for all. Raises BadInput when it cannot be loaded."""
    rows = _load(name, split, config)
    values = _values(rows if not limit else rows.select(range(min(limit, len(rows)))))
    return import_values(store, values, _source(name, split), format, keep_good, follow, unit="row")


def _load(name: str, split: str, config: str) -> Any:
    import datasets

    folder = Path(name).expanduser()
    datasets.disable_progress_bars()
    try:
        if (folder / "dataset_info.json").is_file() or (folder / "dataset_dict.json").is_file():
            loaded = datasets.load_from_disk(folder)
            return loaded[split] if isinstance(loaded, datasets.DatasetDict) else loaded
        return datasets.load_dataset(str(folder) if folder.is_dir() else name, config or None, split=split)
    except KeyError as error:
        raise BadInput(f"The data set {name} has no split “{split}”. It has: {', '.join(loaded)}.") from error
    except (OSError, ValueError, datasets.exceptions.DatasetsError) as error:
        first_line = (str(error).splitlines() or [type(error).__name__])[0]
        raise BadInput(
            f"The data set {name} (split “{split}”, configuration “{config or 'default'}”) cannot be loaded: "
            f"{first_line} Check its name, --split and --config, and the network."
        ) from error


def _values(rows: Any) -> Iterator[Value]:
    for number, row in enumerate(rows, start=1):
        yield number, {key: value for key, value in row.items() if value is not None or key in MEANINGFUL_NULLS}


def _source(name: str, split: str) -> str:
    """ "openai/gsm8k", "train" → "gsm8k-train": part of the problems' source."""
    return f"{name.rstrip('/').split('/')[-1]}-{split}"
