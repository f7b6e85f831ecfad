"""Completions a second that come through servers: one prompt and one completion a request, against ours.

    python -m tests.bench.bench_server          → build/bench/server.json

The servers are processes of this machine that take a fixed time a request and a token (latency_server.py), so that
what is measured is the client: how much it has under way, and what it costs. "as before" is what the engine did until
several completions became one request: eight threads, a request each. The ways go in turn, ROUNDS times; the figures
are medians. The ceiling is what the servers could write if they were never idle.
"""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx

from reasoner.engines.prompts import Request
from reasoner.engines.server import ServerEngine, load
from reasoner.records import Sampling
from tests.bench.latency_server import PLACES, REQUEST, TOKEN

PROMPTS, K, TOKENS = 256, 4, 64  # a round of linear exploration in a full window
ROUNDS = 3
WAVES = 4  # requests one after the other a thread, of those that have one completion each: more would take minutes
OUT = Path("build/bench/server.json")
Work = Callable[[int], int]


@contextmanager
def running_server() -> Iterator[str]:
    """The address of a server of its own."""
    command = [sys.executable, "-m", "tests.bench.latency_server"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.terminate()


def requests_of(seed: int) -> list[Request]:
    prompts = [
        f"Question {i // 8}\n" + "A step of a solution, as long as such steps are.\n" * (i % 8) for i in range(PROMPTS)
    ]
    return [Request(prompt, seed + i, TOKENS) for prompt in prompts for i in range(K)]


def one_by_one(url: str, threads: int) -> Work:
    """One prompt, one completion a request."""
    client = httpx.Client(timeout=60, limits=httpx.Limits(max_connections=threads))

    def ask(one: Request) -> int:
        body = {
            "model": "m",
            "prompt": one.prompt,
            "seed": one.seed,
            "max_tokens": one.max_new_tokens,
            "temperature": 0.7,
        }
        return len(client.post(url + "/v1/completions", json=body).json()["choices"])

    def work(seed: int) -> int:
        with ThreadPoolExecutor(threads) as pool:
            return sum(pool.map(ask, requests_of(seed)[: threads * WAVES]))

    return work


def ours(engine: ServerEngine) -> Work:
    """The engine, all of them."""
    return lambda seed: len(engine.complete_each(requests_of(seed), Sampling(max_new_tokens=TOKENS)))


def measured(work: Work, seeds: Iterator[int]) -> tuple[float, float]:
    """(completions a second, milliseconds of this process's processor a completion)."""
    start, processor = time.perf_counter(), time.process_time()
    num = work(next(seeds))
    return num / (time.perf_counter() - start), (time.process_time() - processor) / num * 1000


def rows() -> list[dict[str, Any]]:
    with ExitStack() as stack:
        first, second = stack.enter_context(running_server()), stack.enter_context(running_server())
        ways: list[tuple[str, int, Work]] = [
            ("one a request, 8 threads (as before)", 1, one_by_one(first, 8)),
            ("one a request, 64 threads", 1, one_by_one(first, 64)),
            ("ours, one server", 1, ours(load(first, "m"))),
            ("ours, two servers", 2, ours(load(f"{first},{second}", "m"))),
        ]
        seeds = iter(range(0, 10**9, 1000))
        for _, _, work in ways:
            work(next(seeds))  # connections are open, and it is known what the servers can do
        figures: dict[str, list[tuple[float, float]]] = {name: [] for name, _, _ in ways}
        for _ in range(ROUNDS):
            for name, _, work in ways:
                figures[name].append(measured(work, seeds))
    ceiling = PLACES / (TOKENS * TOKEN)
    return [
        {
            "way": name,
            "servers": servers,
            "completions_a_second": round(statistics.median(each[0] for each in figures[name]), 1),
            "of_the_ceiling": round(statistics.median(each[0] for each in figures[name]) / (ceiling * servers), 3),
            "processor_ms_a_completion": round(statistics.median(each[1] for each in figures[name]), 2),
        }
        for name, servers, _ in ways
    ]


def main() -> None:
    found = rows()
    about = {"prompts": PROMPTS, "k": K, "tokens": TOKENS, "seconds_a_request": REQUEST, "seconds_a_token": TOKEN}
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(about | {"rows": found}, indent=1))
    print(
        f"{PROMPTS} prompts, {K} completions of {TOKENS} tokens each; {REQUEST * 1000:.0f} ms a request, "
        f"{TOKEN * 1000:.0f} ms a token, {PLACES} completions at a time"
    )
    print(f"{'':<40}{'completions/s':>14}{'of the ceiling':>16}{'processor ms each':>19}")
    for row in found:
        share, cost = row["of_the_ceiling"], row["processor_ms_a_completion"]
        print(f"{row['way']:<40}{row['completions_a_second']:>14}{share:>16.0%}{cost:>19}")
    print(OUT)


if __name__ == "__main__":
    main()
