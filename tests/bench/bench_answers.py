"""How many answers are checked a second: the project's judge beside plain math-verify, and how often each is right.

    python -m tests.bench.bench_answers          → build/bench/answers.json

Made-up pairs whose truth is known, every one different, half of them equal; the best of two rounds. "ours" is
reasoner.checks.answers.equal_answers with its memory emptied, its child process warm; "math-verify" is
verify(parse(gold), parse(answer)) of 0.9 in this process, as its README calls it. The table counts seconds of the
processor, the child's too, which other work on the machine disturbs little; by the clock it is in the file.
"""

import json
import os
import random
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

from reasoner.checks import answers

NUM_PAIRS = 300  # of each kind that is compared as numbers
NUM_HARD = 60  # of each kind that is compared as expressions
ROUNDS = 2
OUT = Path("build/bench/answers.json")

Pair = tuple[str, str, bool]  # gold, answer, are they the same


def whole_numbers(rng: random.Random) -> Pair:
    """GSM8K's answers: "1,284" and "$1284.00"."""
    value, is_same = rng.randint(2, 999_999), rng.random() < 0.5
    other = value if is_same else value + rng.randint(1, 9)
    return f"{value:,}", rng.choice([f"${other}.00", f"{other:,}", f"{other} dollars", f"{other}."]), is_same


def fractions(rng: random.Random) -> Pair:
    """ "\\frac{14}{3}" and "14/3", "3/8" and "0.375"."""
    value, is_same = Fraction(rng.randint(1, 400), rng.choice([2, 3, 4, 5, 7, 8, 9])), rng.random() < 0.5
    other = value if is_same else value + Fraction(1, rng.randint(2, 9))
    return f"\\frac{{{value.numerator}}}{{{value.denominator}}}", f"{other.numerator}/{other.denominator}", is_same


def percentages(rng: random.Random) -> Pair:
    """ "12.5\\%" and "12.50%"."""
    value, is_same = rng.randint(10, 9_990) / 10, rng.random() < 0.5
    return f"{value}\\%", f"{value if is_same else value + 1.5:.2f}%", is_same


def roots(rng: random.Random) -> Pair:
    """ "3\\sqrt{13}" and "\\sqrt{117}"."""
    factor, inside, is_same = rng.randint(2, 40), rng.choice([2, 3, 5, 7, 11, 13]), rng.random() < 0.5
    squared = factor * factor * inside + (0 if is_same else 1)
    return f"{factor}\\sqrt{{{inside}}}", f"\\sqrt{{{squared}}}", is_same


def polynomials(rng: random.Random) -> Pair:
    """ "(x+3)(x-8)" and "x^2-5x-24"."""
    a, b, is_same = rng.randint(1, 60), rng.randint(1, 60), rng.random() < 0.5
    return f"(x+{a})(x-{b})", f"x^2+({a - b})x-{a * b + (not is_same)}", is_same


def tuples(rng: random.Random) -> Pair:
    """ "(3, \\frac{1}{2})" and "(3, 0.5)"."""
    a, b, is_same = rng.randint(1, 999), rng.randint(1, 99), rng.random() < 0.5
    return f"({a}, \\frac{{{b}}}{{2}})", f"({a}, {b / 2 if is_same else b / 2 + 1})", is_same


KINDS: dict[str, tuple[Callable[[random.Random], Pair], int]] = {
    "whole numbers": (whole_numbers, NUM_PAIRS),
    "fractions": (fractions, NUM_PAIRS),
    "percentages": (percentages, NUM_PAIRS),
    "roots": (roots, NUM_HARD),
    "polynomials": (polynomials, NUM_HARD),
    "tuples": (tuples, NUM_HARD),
}


def made_up_pairs(make: Callable[[random.Random], Pair], num: int) -> list[Pair]:
    rng = random.Random(num)
    found: dict[tuple[str, str], Pair] = {}
    while len(found) < num:
        pair = make(rng)
        found[pair[:2]] = pair
    return list(found.values())


def plain_math_verify() -> Callable[[str, str], bool | None]:
    from math_verify import parse, verify

    return lambda gold, answer: verify(parse(f"${gold}$"), parse(f"${answer}$"))


def processor_seconds() -> float:
    """Of this process and of the child that compares answers, where the system tells of it."""
    process = answers._worker._process
    try:
        assert process is not None
        ticks = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        return time.process_time() + sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")
    except OSError:
        return time.perf_counter()


def measure(check: Callable[[str, str], bool | None], pairs: list[Pair]) -> dict[str, float]:
    """Checks a second of the processor and by the clock, and the share of them that is right."""
    processor, clock, right = [], [], 0
    for _ in range(ROUNDS):
        answers._equal.cache_clear()
        start = processor_seconds(), time.perf_counter()
        found = [check(gold, answer) for gold, answer, _ in pairs]
        processor.append(processor_seconds() - start[0])
        clock.append(time.perf_counter() - start[1])
        right = sum(said is is_same for said, (_, _, is_same) in zip(found, pairs, strict=True))
    return {
        "per_second": len(pairs) / min(processor),
        "per_second_by_the_clock": len(pairs) / min(clock),
        "right": right / len(pairs),
    }


def main() -> None:
    plain = plain_math_verify()
    answers.equal_answers("\\{1, x\\}", "\\{x, 1\\}")  # the child is up
    plain("x+1", "1+x")
    measured = {}
    print(f"{'checks a second, of them right':34}{'ours':>18}{'math-verify':>18}")
    for name, (make, num) in KINDS.items():
        pairs = made_up_pairs(make, num)
        ours, theirs = measure(answers.equal_answers, pairs), measure(plain, pairs)
        columns = "".join(f"{one['per_second']:10,.0f}{one['right']:8.1%}" for one in (ours, theirs))
        print(f"{name:34}{columns}", flush=True)
        measured[name] = {"pairs": num, "ours": ours, "math_verify": theirs}
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(measured, indent=1) + "\n")


if __name__ == "__main__":
    main()
