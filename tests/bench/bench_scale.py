"""Does memory stay flat with the number of traces, and is time linear? `explore --traces … --out` on scripted traces.

    python -m tests.bench.bench_scale [traces …]          → build/bench/scale.json

Each number of traces (10,000 and 100,000 where none is named) is explored in a process of its own, by Self-Explore's
rule with one completion a prefix, on an engine that answers at once: what is measured is reading, deciding, judging and
keeping. Peak memory is the process's own at its highest; 100 traces show what the libraries alone take.
"""

import argparse
import gzip
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from reasoner.engines.scripted import ScriptedEngine
from reasoner.scale.bulk import explore_into
from reasoner.scale.counts import Counts
from reasoner.scale.reading import read_files
from reasoner.scale.settings import Settings

OUT = Path("build/bench/scale.json")
BASE = 100  # traces that are explored to see what the libraries take
OF_A_PROBLEM = 100


def write(path: Path, num: int) -> None:
    with gzip.open(path, "wt", compresslevel=1) as file:
        for place in range(num):
            number, way = divmod(place, OF_A_PROBLEM)
            steps = [f"By way {chr(97 + way // 10)}{chr(97 + way % 10)}.", "The answer is 4."]
            file.write(json.dumps({"question": f"How many? Case {number}.", "answer": "5", "steps": steps}) + "\n")


def explore(traces: Path, folder: Path) -> Counts:
    """What the measured process does."""
    counts, engine = Counts(), ScriptedEngine(lambda prompt, seed: "The answer is 4.")
    for _ in explore_into(folder, engine, read_files([traces]), Settings(method="linear", k=1), counts):
        pass
    return counts


def measured(num: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        traces, folder = Path(name) / "traces.jsonl.gz", Path(name) / "out"
        write(traces, num)
        started = time.perf_counter()
        child = subprocess.Popen([sys.executable, "-m", "tests.bench.bench_scale", "--child", str(traces), str(folder)])
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - started
        said = json.loads((folder / "counts.json").read_text())
        assert status == 0 and said["explored"] == num and said["is_complete"], said
        size = sum(path.stat().st_size for path in folder.glob("*.parquet"))
    processor = usage.ru_utime + usage.ru_stime
    return {
        "traces": num,
        "seconds": seconds,
        "processor_seconds": processor,
        "traces_per_processor_second": num / processor,
        "peak_megabytes": usage.ru_maxrss / (1024 if sys.platform == "linux" else 1024**2),
        "shard_bytes_a_trace": size / num,
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("traces", nargs="*", type=int, default=[10_000, 100_000])
    parser.add_argument("--child", nargs=2, type=Path)
    options = parser.parse_args()
    if options.child:
        explore(*options.child)
        return
    print(f"{'traces':>9}{'seconds':>10}{'processor s':>13}{'a proc. s':>11}{'peak MB':>9}{'bytes a trace':>15}")
    rows = []
    for num in [BASE, *options.traces]:
        row = measured(num)
        rows.append(row)
        times = f"{row['seconds']:10.1f}{row['processor_seconds']:13.1f}{row['traces_per_processor_second']:11,.0f}"
        print(f"{num:9,}{times}{row['peak_megabytes']:9.0f}{row['shard_bytes_a_trace']:15.0f}", flush=True)
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps({"rows": rows}, indent=1))
    print(f"→ {OUT}")


if __name__ == "__main__":
    main()
