"""Snippets a second through each pool, against one `subprocess.run([sys.executable, "-c", …])` each, side by side.

    python -m tests.bench.bench_sandbox          → build/bench/sandbox.json

Snippets are those of real traces: a line of arithmetic, a function, a loop, sympy. The ways go in turn, so that all
meet the same machine; the figures are medians. "A further snippet" runs in an open interpreter, "a first snippet" in
a new one, which is closed after it; each comes after a pause, in which the pool forks the next worker. "Beyond its
own time" is what it costs more than the same code inside a plain Python: at most 5 ms is the aim. "One after the
other" is whole traces of three snippets without a pause, the forking included.
"""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from reasoner.checks.python import Interpreter
from reasoner.checks.sandbox.cpython import why_off

ROUNDS = 30
SUBPROCESS_EVERY = 5  # rounds in which the slow way is measured as well
PAUSE = 0.05  # seconds before each measurement
NUM_TRACES, NUM_SNIPPETS = 20, 3
OUT = Path("build/bench/sandbox.json")
AIM = 5.0  # milliseconds
PROGRAM = """
def solution():
    Ana_coins = 41
    Ben_coins = Ana_coins + 26
    Cal_coins = Ben_coins * 3
    return Cal_coins
print(solution())
"""
SNIPPETS = {
    "arithmetic": "Ben_coins = 41 + 26\nBen_coins",
    "program": PROGRAM,
    "loop": "total = 0\nfor i in range(1000):\n    total += i * i\nprint(total)",
}
SYMPY = "from sympy import Rational, symbols, solve\nx = symbols('x')\nprint(solve(3 * x - Rational(8, 3), x))"


def milliseconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1000


def own_milliseconds(code: str) -> float:
    """What the snippet takes inside a plain Python that is running already, once what it imports is loaded."""
    timed = (
        "import sys, time, io\ncode = sys.stdin.read()\nsys.stdout, out = io.StringIO(), sys.stdout\n"
        "def run():\n    start = time.perf_counter()\n    exec(compile(code, 's', 'exec'), {})\n"
        "    return time.perf_counter() - start\n"
        "run()\nprint(sorted(run() for _ in range(15))[7] * 1000, file=out)"
    )
    ran = subprocess.run([sys.executable, "-c", timed], input=code, capture_output=True, text=True, check=True)
    return float(ran.stdout)


def in_a_trace(kind: str, code: str) -> Callable[[], object]:
    interpreter = Interpreter(60.0, only=kind)  # type: ignore[arg-type]
    interpreter.run(code)  # the worker is there, the libraries are loaded
    return lambda: expect(interpreter.run(code).error)


def a_trace(kind: str, code: str) -> Callable[[], object]:
    def run() -> None:
        with Interpreter(60.0, only=kind) as interpreter:  # type: ignore[arg-type]
            expect(interpreter.run(code).error)

    return run


def a_process(code: str) -> Callable[[], object]:
    return lambda: subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)


def expect(error: str) -> None:
    if error:
        raise SystemExit(f"the snippet failed: {error}")


def measure(code: str, kinds: list[str]) -> dict[str, float]:
    """Median milliseconds of each way, the ways in turn."""
    ways = {f"{kind}, a further snippet": in_a_trace(kind, code) for kind in kinds}
    ways |= {f"{kind}, a first snippet": a_trace(kind, code) for kind in kinds}
    ways["subprocess"] = a_process(code)
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for i in range(ROUNDS):
        for name, work in ways.items():
            if name != "subprocess" or i % SUBPROCESS_EVERY == 0:
                time.sleep(PAUSE)
                taken[name].append(milliseconds(work))
    return {name: statistics.median(times) for name, times in taken.items()}


def one_after_the_other(kind: str, code: str) -> float:
    """Snippets a second when traces come without a pause."""
    start = time.perf_counter()
    for _ in range(NUM_TRACES):
        with Interpreter(60.0, only=kind) as interpreter:  # type: ignore[arg-type]
            for _ in range(NUM_SNIPPETS):
                expect(interpreter.run(code).error)
    return NUM_TRACES * NUM_SNIPPETS / (time.perf_counter() - start)


def show(name: str, row: dict[str, Any]) -> None:
    own, medians = row["own_milliseconds"], row["milliseconds"]
    print(f"\n{name} (its own time: {own:.2f} ms)")
    print(f"  {'':28}{'ms':>9}{'beyond own':>12}{'a second':>11}{'against subprocess':>21}")
    for way, median in medians.items():
        ratio = medians["subprocess"] / median
        print(f"  {way:28}{median:9.2f}{max(0.0, median - own):12.2f}{1000 / median:11,.0f}{ratio:20.0f}×")
    for kind, rate in row["one_after_the_other"].items():
        ratio = rate * medians["subprocess"] / 1000
        print(f"  {kind + ', one after the other':28}{1000 / rate:9.2f}{'':12}{rate:11,.0f}{ratio:20.0f}×")


def main() -> None:
    kinds = ["monty"] if why_off() else ["monty", "cpython"]
    measured: dict[str, dict[str, Any]] = {}
    for name, code in {**SNIPPETS, "sympy": SYMPY}.items():
        if name == "sympy" and "cpython" not in kinds:
            print(f"\nsympy: not measured, {why_off()}")
            continue
        those = ["cpython"] if name == "sympy" else kinds
        measured[name] = {
            "own_milliseconds": own_milliseconds(code),
            "milliseconds": measure(code, those),
            "one_after_the_other": {kind: one_after_the_other(kind, code) for kind in those},
        }
        show(name, measured[name])
    beyond = {
        f"{name}, {way}": median - row["own_milliseconds"]
        for name, row in measured.items()
        for way, median in row["milliseconds"].items()
        if way != "subprocess"
    }
    middle, worst = statistics.median(beyond.values()), max(beyond, key=lambda name: beyond[name])
    print(
        f"\nbeyond its own time: {middle:.2f} ms at the median, {beyond[worst]:.2f} ms at most ({worst}); aim {AIM:g}"
    )
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps({"snippets": measured, "beyond_own_milliseconds": beyond, "aim": AIM}, indent=1) + "\n")


if __name__ == "__main__":
    main()
