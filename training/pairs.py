"""Labels and pits → preference pairs, each with its provenance; every dropped row counted by its reason.

    prompt    "Ana has 3 coins. …\\nFormalize: find Ben's coins\\n"        the question as asked + the steps before
    rejected  "Solve Subquestion: Ben's coins = 3 + 2 = 6\\n"             the pit step alone
    chosen    "Solve Subquestion: Ben's coins = 3 + 2 = 5\\nSummarize: the answer is 5"     a right remainder, whole

Self-Explore, arXiv 2404.10346 §3.3 and its code (hbin0701/Self-Explore): chosen is the shortest right remainder sampled
at the prefix before the pit, at the first step a right solution whole; each text serves once a question.

Ours, where the paper has no rule. A person's flag has no remainders: k = 4, 8, 16, 32 completions of the prefix before
are sampled until one recovers. A person's correction is continued the same way from the corrected prefix, so that
chosen still ends the solution with a right answer; where none recovers (or the answer is unknown) the correction stands
alone, without EOS, as Step-DPO's single chosen step does (arXiv 2406.18629). A remainder that begins with the pit
itself is passed over: it would be pushed up and down at once. An imported trace has no prompt: the model in use asks.
Where code is run on the way, chosen ends before the interpreter's first word (interpreter.py).

Not covered: outcome pairs (a whole right against a whole wrong solution).
"""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal, cast

from reasoner.engines import Engine
from reasoner.errors import BadInput
from reasoner.explore import question_part
from reasoner.formats import FORMATS
from reasoner.records import Counts, Pair, Step, content_id
from reasoner.store import Store
from training.candidates import CONCLUSION, Candidate, find_candidates, prefix_text, shortest_first
from training.interpreter import before_output
from training.remainders import CHUNK, SAMPLES, Prefix, Remainders

Follow = Callable[[int, int], None]
"""Called with (flags done, flags in all) while remainders are sampled."""


@dataclass(frozen=True, slots=True)
class Preview:
    """What a run would train on, known without sampling anything."""

    pairs: list[Pair]  # chosen is known already
    pending: list[Candidate]  # chosen will be sampled when the run starts
    counts: Counts

    @property
    def num_pairs(self) -> int:
        """At most so many: a pending flag gives no pair when nothing recovers."""
        return len(self.pairs) + len(self.pending)


@dataclass
class _Used:
    """What a question's pairs so far say, so that no text serves twice."""

    chosen: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    rejected: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))


def preview_pairs(store: Store, *, origin: str = "both", annotator: str = "", max_pairs: int = 0) -> Preview:
    """The pairs known now, the flags still to be sampled for, and the drops. Reads the store only."""
    found, dropped = find_candidates(store, origin, annotator)
    used = _Used()
    pairs: list[Pair] = []
    pending: list[Candidate] = []
    for candidate in found:
        if max_pairs and len(pairs) + len(pending) >= max_pairs:
            dropped[f"over the bound of {max_pairs} pairs"] += 1
        elif candidate.needs_sampling and not (candidate.problem.answer is None and not candidate.correction):
            pending.append(candidate)
        else:
            _take(_known_chosen(candidate, used), candidate, used, pairs, dropped)
    return Preview(pairs, pending, Counts(len(pairs) + len(pending), 0, dict(dropped)))


def collect_pairs(
    store: Store,
    engine: Engine | None,
    *,
    origin: str = "both",
    annotator: str = "",
    max_pairs: int = 0,
    seed: int = 0,
    follow: Follow | None = None,
) -> tuple[list[Pair], Counts]:
    """Every pair the store's labels and pits give. Without an engine, flags that need sampling are dropped and counted.

    Persons' flags come first, so that machine pits never take a remainder from them; `max_pairs` 0 is no bound.
    """
    found, dropped = find_candidates(store, origin, annotator)
    used = _Used()
    pairs: list[Pair] = []
    remainders = Remainders(engine, seed) if engine is not None else None
    for start in range(0, len(found), CHUNK):
        chunk = found[start : start + CHUNK]
        if follow:
            follow(start, len(found))
        if remainders is not None and not (max_pairs and len(pairs) >= max_pairs):
            chunk = [_as_asked_of(remainders.engine, candidate) for candidate in chunk]
            remainders.sample_ahead(_prefixes(chunk, remainders.engine))
        for candidate in chunk:
            if max_pairs and len(pairs) >= max_pairs:
                dropped[f"over the bound of {max_pairs} pairs"] += 1
            else:
                chosen = _chosen(candidate, used, remainders)
                _take(chosen, candidate, used, pairs, dropped, engine)
    if follow:
        follow(len(found), len(found))
    return pairs, Counts(len(pairs), 0, dict(dropped))


Chosen = tuple[str, Literal["remainder", "correction", "solution"], bool]
"""(text, where it comes from, whether it ends the solution)"""


def _known_chosen(candidate: Candidate, used: _Used) -> Chosen | str:
    """The shortest unused right remainder, at step 0 a whole right solution first; or the reason there is none."""
    if candidate.whole:
        text = _first_unused(candidate.whole, candidate, used)
        if text:
            return text, "solution", True
    text = _first_unused(candidate.remainders, candidate, used)
    if text:
        return text, "remainder", True
    if candidate.problem.answer is None:
        return "no gold answer: no remainder can be judged right"
    if candidate.whole or candidate.remainders:
        return "every right remainder is used already or begins with the pit itself"
    return "no right remainder is known before the pit"


def _first_unused(texts: Iterable[str], candidate: Candidate, used: _Used) -> str | None:
    taken = used.chosen[candidate.problem.id]
    pit = " ".join(candidate.rejected.split())
    for text in texts:
        first_line = " ".join(text.strip().split("\n")[0].split())
        if _same(text) not in taken and first_line != pit.split("\n")[0]:
            return text
    return None


def _chosen(candidate: Candidate, used: _Used, remainders: Remainders | None) -> Chosen | str:
    """What to prefer at this flag, or why there is nothing."""
    unreadable = _unreadable(candidate, remainders.engine) if remainders is not None else None
    if unreadable:
        return unreadable
    if not candidate.needs_sampling:
        known = _known_chosen(candidate, used)
        if not isinstance(known, str) or remainders is None or candidate.origin == "machine":
            return known
    if remainders is None:
        return "needs sampling, and no model was given"
    return _sampled_chosen(candidate, used, remainders)


def _prefixes(candidates: Sequence[Candidate], engine: Engine) -> list[Prefix]:
    """What is to be continued for these candidates."""
    readable = [c for c in candidates if c.needs_sampling and _unreadable(c, engine) is None]
    return [prefix for candidate in readable if (prefix := _prefix_before(candidate)) is not None]


def _prefix_before(candidate: Candidate) -> Prefix | None:
    """The text that is continued for this flag: what stands before it, or with the person's correction in its place.

    None where nothing is to be sampled: no gold answer to judge by, or a correction that is the conclusion itself.
    """
    trace, correction = candidate.trace, candidate.correction
    if candidate.problem.answer is None or (correction and CONCLUSION.match(correction.split("\n")[-1])):
        return None
    if not correction:
        before = replace(trace, steps=trace.steps[: max(1, candidate.step)])
        return Prefix(before, candidate.problem, candidate.step - 1)
    corrected = replace(trace, steps=(*trace.steps[: candidate.step], Step(correction)))
    return Prefix(corrected, candidate.problem, candidate.step)


def _sampled_chosen(candidate: Candidate, used: _Used, remainders: Remainders) -> Chosen | str:
    """Remainders sampled now; a correction is continued, and stands alone when nothing recovers from it."""
    correction, prefix = candidate.correction, _prefix_before(candidate)
    if correction and _same(correction) == _same(candidate.rejected):
        return "the correction says what the step said"
    text = _recover(candidate, prefix, used, remainders) if prefix is not None else None
    if not correction:
        if prefix is None:
            return "no gold answer: no remainder can be judged right"
        return (text, "remainder", True) if text else f"none of {SAMPLES[-1]} samples recovered before the flagged step"
    if CONCLUSION.match(correction.split("\n")[-1]):
        return correction, "correction", True
    return (f"{correction}\n{text}", "correction", True) if text else (f"{correction}\n", "correction", False)


def _recover(candidate: Candidate, prefix: Prefix, used: _Used, remainders: Remainders) -> str | None:
    """The shortest right continuation of the prefix not used yet, k rising until there is one; None after 32."""
    if not remainders.can_sample(prefix):
        return None
    tried = 0
    for total in SAMPLES:
        probe = remainders.probe(prefix, tried, total - tried)
        tried = total
        right = [text for text, ok in zip(probe.completions, probe.recovered, strict=True) if ok]
        text = _first_unused(shortest_first(right, prefix.trace), candidate, used)
        if text:
            return text
    return None


def _take(
    chosen: Chosen | str,
    candidate: Candidate,
    used: _Used,
    pairs: list[Pair],
    dropped: Counter[str],
    engine: Engine | None = None,
) -> None:
    """Keep the pair, or count why not."""
    if isinstance(chosen, str):
        dropped[chosen] += 1
        return
    text, chosen_from, is_whole = chosen
    text, has_no_output = before_output(candidate.trace.format, prefix_text(candidate.trace, candidate.step), text)
    if not text.strip():
        dropped["the interpreter speaks first in what would be chosen"] += 1
        return
    is_whole = is_whole and has_no_output
    problem_id, rejected = candidate.problem.id, candidate.rejected
    if _same(rejected) in used.rejected[problem_id] or _same(text) in used.chosen[problem_id]:
        dropped["the same chosen or rejected text is kept for this question already"] += 1
        return
    pair = _pair(candidate, text, chosen_from, is_whole)
    reason = _unfit(pair, engine) if engine is not None else None
    if reason:
        dropped[reason] += 1
        return
    used.rejected[problem_id].add(_same(rejected))
    used.chosen[problem_id].add(_same(text))
    pairs.append(pair)


def _pair(
    candidate: Candidate, text: str, chosen_from: Literal["remainder", "correction", "solution"], is_whole: bool
) -> Pair:
    trace = candidate.trace
    question = trace.prompt or candidate.problem.question + "\n"
    prompt = question + prefix_text(trace, candidate.step)
    return Pair(
        id=content_id("pair", prompt, text, candidate.rejected),
        problem_id=candidate.problem.id,
        trace_id=trace.id,
        step=candidate.step,
        prompt=prompt,
        chosen=text,
        rejected=candidate.rejected,
        origin=cast(Literal["person", "machine"], candidate.origin),
        by=candidate.by,
        chosen_from=chosen_from,
        source=candidate.source,
        is_whole=is_whole,
        prompt_from=candidate.prompt_from,
        format=trace.format if trace.format in FORMATS else "cot",
    )


def _unreadable(candidate: Candidate, engine: Engine) -> str | None:
    """Why the model cannot read the flag at all, found out before anything is sampled for it."""
    prompt = candidate.trace.prompt + prefix_text(candidate.trace, candidate.step)
    return _unfit_text(prompt + candidate.rejected, engine)


def _unfit(pair: Pair, engine: Engine) -> str | None:
    """Why the model cannot be trained on this pair's chosen; its rejected was read before."""
    return _unfit_text(pair.prompt + pair.chosen, engine)


def _unfit_text(text: str, engine: Engine) -> str | None:
    if engine.unknown_words(text):
        return "has words outside the model's vocabulary"
    if engine.count_tokens(text) >= engine.context:
        return "longer than the model's context"
    return None


def _as_asked_of(engine: Engine, candidate: Candidate) -> Candidate:
    """The trace's own prompt if this model wrote it; an imported or another model's trace is asked as this one asks."""
    prompt = question_part(engine, candidate.trace, candidate.problem)
    if prompt == candidate.trace.prompt:
        return candidate
    return replace(candidate, trace=replace(candidate.trace, prompt=prompt), prompt_from="engine")


def _same(text: str) -> str:
    return " ".join(text.split())


def write_pairs(pairs: Sequence[Pair], path: Path) -> None:
    """One pair a line, all fields."""
    lines = (json.dumps(asdict(pair), ensure_ascii=False) + "\n" for pair in pairs)
    path.write_text("".join(lines), encoding="utf-8")


def read_pairs(path: Path) -> list[Pair]:
    """Pairs written by `write_pairs`. Raises BadInput naming the first line that is none."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(
            f"The pairs at {path} cannot be read ({error}). Make them with `python -m training pairs`."
        ) from error
    return [_read_pair(line, number, path) for number, line in enumerate(lines, start=1) if line.strip()]


def _read_pair(line: str, number: int, path: Path) -> Pair:
    known = {item.name for item in fields(Pair)}
    try:
        raw: dict[str, Any] = json.loads(line)
        pair = Pair(**{name: value for name, value in raw.items() if name in known})
    except (ValueError, TypeError, AttributeError) as error:
        raise BadInput(f"{path.name}, line {number} is not a preference pair ({error}).") from error
    if not all(isinstance(text, str) and text.strip() for text in (pair.prompt, pair.chosen, pair.rejected)):
        raise BadInput(f"{path.name}, line {number}: prompt, chosen and rejected must be texts that are not empty.")
    return pair
