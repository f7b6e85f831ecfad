"""N solutions of every problem, streamed to a file: a kill at any moment neither repeats nor loses one.

    for solved in sample_into(path, engine, problems, writing, sampling, follow):
        solved.problem, solved.samples

    {"problem": "3f…", "prompt": "Ana has 3 coins. …\\n", "samples":
     [{"text": "Ben's coins = 3 + 2 = 6\\n…", "seed": 7, "times": 2, "answer": "6", "status": "wrong", "reason": "…"}]}

Self-Explore, arXiv 2404.10346 §3.1: N = 100 at T = 0.7. One line a problem, written once all its samples are there; the
line that a kill tears is cut off and its problem sampled again. The same text of one problem is one sample with its
number of times, and the seed of the first; sample i has seed + i whatever it is drawn together with.

A sample is right, wrong, without an answer, or not judged; the last two are never taken for wrong ones.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from reasoner.engines import Engine
from reasoner.errors import RunError
from reasoner.formats import Format
from reasoner.records import Completion, Problem, Sampling
from reasoner.rounds import complete
from reasoner.solve import trace_of

TOGETHER = 1024  # samples drawn in one call. Ours: it fills the engine's batches, and progress is seen
STATUSES = ("right", "wrong", "no answer", "not judged")
SEEDS_APART = 1_000_000  # between two seeds of a recipe, so that they share no sample: sample i has the seed + i


@dataclass(frozen=True, slots=True)
class Sample:
    """One solution of a problem, as it was drawn."""

    text: str  # without what stops it
    seed: int  # of the first time it was drawn
    times: int
    answer: str | None
    status: str  # one of STATUSES
    reason: str = ""  # why, for a person
    num_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Solved:
    """One problem's samples, in the order they were drawn."""

    problem: str  # id
    prompt: str  # exactly what the model was given
    samples: tuple[Sample, ...]

    def of(self, status: str) -> list[Sample]:
        """Those of one status."""
        return [sample for sample in self.samples if sample.status == status]


def fitting(engine: Engine, problems: Iterable[Problem], writing: Format) -> tuple[dict[str, str], Counter[str]]:
    """Problem id → prompt of those that the model can be asked, and why the others cannot."""
    prompts: dict[str, str] = {}
    dropped: Counter[str] = Counter()
    for problem in problems:
        prompt = engine.render(problem.question, writing.instruction, writing.tag)
        if engine.unknown_words(problem.question):
            dropped["words outside the model's vocabulary"] += 1
        elif engine.count_tokens(prompt) >= engine.context:
            dropped["longer than the model's context"] += 1
        else:
            prompts[problem.id] = prompt
    return prompts, dropped


def sample_into(
    path: Path,
    engine: Engine,
    problems: Sequence[Problem],
    prompts: dict[str, str],
    writing: Format,
    sampling: Sampling,
    follow: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """Sample what `path` does not hold yet. Raises as the engine does; what was drawn by then is kept."""
    asked = [problem for problem in problems if problem.id in prompts]
    known = [solved.problem for solved in read_samples(path, mend=True)]
    if known != [problem.id for problem in asked[: len(known)]]:
        raise RunError(f"{path} holds samples of other problems: delete the folder {path.parent} and run again.")
    size = max(1, TOGETHER // sampling.num)
    follow(len(known), len(asked))
    with path.open("ab", buffering=0) as file:
        start = len(known)
        while start < len(asked):
            end = min(len(asked), (start // size + 1) * size)  # the same calls whether it was killed or not
            chunk = asked[start:end]
            drawn = complete(engine, writing, [prompts[problem.id] for problem in chunk], sampling)
            for problem, completions in zip(chunk, drawn, strict=True):
                solved = _solved(engine, problem, prompts[problem.id], writing, completions, sampling)
                file.write((json.dumps(asdict(solved), ensure_ascii=False) + "\n").encode())
            start = end
            follow(start, len(asked))


def _solved(
    engine: Engine,
    problem: Problem,
    prompt: str,
    writing: Format,
    completions: Sequence[Completion],
    sampling: Sampling,
) -> Solved:
    times: Counter[str] = Counter()
    first: dict[str, tuple[int, Completion]] = {}
    for index, completion in enumerate(completions):
        text = writing.solution(completion.text)
        times[text] += 1
        first.setdefault(text, (sampling.seed + index, completion))
    samples = []
    for text, (seed, completion) in first.items():
        trace = trace_of(engine, problem, writing, prompt, completion, sampling)
        verdict = trace.verdict
        status = {"unjudged": "not judged"}.get(verdict.status, verdict.status)
        if not completion.is_finished or trace.answer is None or not text.strip():
            status = "no answer"  # cut at the limit of tokens, its last number is no answer
        samples.append(Sample(text, seed, times[text], trace.answer, status, verdict.reason, completion.num_tokens))
    return Solved(problem.id, prompt, tuple(samples))


def read_samples(path: Path, mend: bool = False) -> Iterator[Solved]:
    """The problems sampled so far, in their order; a torn last line is passed over, and cut off with `mend`."""
    if not path.exists():
        return
    with path.open("r+b" if mend else "rb") as file:
        end = 0
        for line in file:
            try:
                row = json.loads(line) if line.endswith(b"\n") else None
            except ValueError:
                row = None
            if not isinstance(row, dict):
                break
            end += len(line)
            yield Solved(row["problem"], row["prompt"], tuple(Sample(**one) for one in row["samples"]))
        if mend:
            file.truncate(end)


def count(path: Path) -> Counter[str]:
    """How many samples there are of each status, and how many different ones."""
    counts: Counter[str] = Counter()
    for solved in read_samples(path):
        for sample in solved.samples:
            counts[sample.status] += sample.times
            counts[f"{sample.status}, different"] += 1
    return counts
