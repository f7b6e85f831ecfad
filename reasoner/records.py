"""The whole data model: frozen records that cross from one room to the next.

A problem is solved into traces; a trace is a sequence of steps; a person labels its first wrong step, a machine
finds its first pit; both become preference pairs. One example, from question to label:

    question = "Ana has 3 coins. Ben has 2 more coins than Ana. How many coins does Ben have?"
    problem = make_problem(question, "5", "typed")
    trace = make_trace(problem, prompt=problem.question + "\\n", text="Ben has 3 + 2 = 6 coins.\\nThe answer is 6.",
                       steps=(Step("Ben has 3 + 2 = 6 coins."), Step("The answer is 6.")), answer="6",
                       verdict=Verdict("wrong", "6", "6 is not 5"), maker=Maker("scripted"), format="cot")
    label = Label.of(trace, kind="first_wrong", step=0, annotator="ada", error_class="calculation")

Every step index in this project is **0-based**; `None` means "no such step". Times are seconds since 1970 (UTC).
"""

import hashlib
import json
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

ACTIONS = (
    "Formalize",
    "Decompose",
    "Solve Subquestion",
    "Solve Parent",
    "Verify",
    "Backtrack",
    "Summarize",
)
"""Kwai-STaR's seven actions (arXiv 2411.04799, Table 1)."""

ERROR_CLASSES = ("calculation", "misunderstanding", "step missing", "other")
"""KPDD's three error classes (arXiv 2407.10167), and a fourth for what fits none."""

LABEL_KINDS = ("first_wrong", "all_right", "unsure", "bad_problem", "skip")

Status = Literal["right", "wrong", "unjudged"]
LabelKind = Literal["first_wrong", "all_right", "unsure", "bad_problem", "skip"]
StepKind = Literal["words", "code", "output", "equation", "declaration", "constraint"]
ReviewKind = Literal["confirmed", "corrected", "bad"]
JudgedBy = Literal["gold", "agreement"]
Origin = Literal["machine", "person", "rules"]


def content_id(*parts: str) -> str:
    """The first 16 hex digits of the SHA-256 of `parts`: the same content has the same id in every run.

    Text that is no valid Unicode (a lone surrogate, as JSON can write it) has an id too.
    """
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Problem:
    """A question, and what is known about it beforehand."""

    id: str  # content_id of the question, white space collapsed
    question: str
    answer: str | None  # the gold answer as its source wrote it ("1,000", "\\frac{1}{2}"); None when unknown
    source: str  # where it comes from: "gsm8k", "built-in", "typed", a file's stem …
    solution: str = ""  # the gold solution's text, empty when unknown
    level: str = ""  # difficulty as the source names it ("easy", "Level 3"), empty when unknown
    spec: str = ""  # JSON of the quantities a generated problem was made from (the step oracle reads it), else empty


@dataclass(frozen=True, slots=True)
class Step:
    """One transition of a trace: its text exactly as written, without the line break that ends it."""

    text: str
    action: str | None = None  # one of ACTIONS; None when no action could be told
    is_legal: bool = True  # False where the grammar of transitions forbids this action here
    kind: StepKind = "words"  # what its text is
    outcome: str = ""  # what executing it gave, for a person: "Ben_coins = 67", "NameError: …"; "" where nothing ran


@dataclass(frozen=True, slots=True)
class Verdict:
    """Is an answer right? "unjudged" (could not judge) is never counted as wrong."""

    status: Status
    extracted: str | None = None  # the answer found in the text, as written
    reason: str = ""  # why this status, for a person


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check, needing no model, says about one step."""

    step: int  # 0-based
    check: str  # "arithmetic", "grammar", …
    status: Status
    message: str  # for a person: "3 + 2 = 6 is wrong: it should be 5"
    found: str = ""  # the piece of the step's text it speaks of, as written there
    expected: str = ""  # what that piece should be, where the check knows


@dataclass(frozen=True, slots=True)
class Maker:
    """Where a trace's tokens come from."""

    engine: str  # "local", "server", "scripted", "import", "person"
    model: str = ""  # Hugging Face id, folder name, or the name an imported file gives
    adapter: str = ""  # adapter folder's name, empty for the model alone
    seed: int | None = None
    temperature: float | None = None  # 0 is greedy; None when unknown
    top_p: float | None = None


@dataclass(frozen=True, slots=True)
class Trace:
    """One solution of one problem, exactly as it was sampled."""

    id: str
    problem_id: str
    steps: tuple[Step, ...]
    prompt: str  # the exact text the model continued; training never rebuilds it. Empty for imported traces
    text: str  # the exact completion; for imported steps, the steps joined by line breaks
    format: str  # a key of reasoner.formats.FORMATS: "transitions", "cot", "program" …
    answer: str | None  # the answer extracted from text
    verdict: Verdict  # of that answer against the problem's gold answer
    maker: Maker
    created: float = 0.0


@dataclass(frozen=True, slots=True)
class Label:
    """One person's judgement of one trace, with the trace as they saw it. Append-only: undo is one more event."""

    id: str
    trace_id: str
    problem_id: str
    kind: LabelKind
    step: int | None  # 0-based first wrong step for "first_wrong", else None
    annotator: str
    error_class: str = ""  # one of ERROR_CLASSES, or empty
    correction: str = ""  # what the first wrong step should say, in the person's words
    note: str = ""
    created: float = 0.0
    seconds: float = 0.0  # time from opening the trace to this judgement
    seen_steps: tuple[str, ...] = ()  # the steps' texts as they were on screen

    @classmethod
    def of(
        cls,
        trace: Trace,
        *,
        kind: LabelKind,
        annotator: str,
        step: int | None = None,
        error_class: str = "",
        correction: str = "",
        note: str = "",
        seconds: float = 0.0,
    ) -> "Label":
        """A new label of `trace` made now. Validation happens in the store, where every label passes."""
        return cls(
            id=uuid.uuid4().hex,
            trace_id=trace.id,
            problem_id=trace.problem_id,
            kind=kind,
            step=step,
            annotator=annotator,
            error_class=error_class,
            correction=correction,
            note=note,
            created=time.time(),
            seconds=seconds,
            seen_steps=tuple(step.text for step in trace.steps),
        )


@dataclass(frozen=True, slots=True)
class Sampling:
    """How completions are drawn."""

    num: int = 1  # completions a prompt
    temperature: float = 0.7  # 0 is greedy. 0.7: Self-Explore, arXiv 2404.10346 §4
    top_p: float = 1.0  # 0-1
    max_new_tokens: int = 256
    stop: tuple[str, ...] = ()  # generation ends after the first of these strings, which is kept
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Completion:
    """What an engine wrote after a prompt."""

    text: str  # without the end-of-sequence token, stop string kept
    num_tokens: int  # generated tokens, the end-of-sequence token included
    is_finished: bool  # ended by itself or at a stop string; False: cut at max_new_tokens


@dataclass(frozen=True, slots=True)
class Probe:
    """Completions sampled from one prefix of a trace, and how many of them reached the gold answer."""

    step: int  # 0-based last step of the prefix, inclusive; -1 is the bare question
    completions: tuple[str, ...]
    recovered: tuple[bool, ...]  # same length: did completion i reach the gold answer
    num_tokens: int  # generated tokens in all
    prompt: str  # the exact prefix text that was continued
    is_cut: tuple[bool, ...] = ()  # was completion i cut at the limit of tokens, so that it tells little; () unknown
    is_passing: bool = False  # not sampled here: completions of earlier prefixes that pass through here, cut here


@dataclass(frozen=True, slots=True)
class Pit:
    """The first pit a machine found in a trace, with its evidence. "Not recovered in k tries" is not "wrong"."""

    id: str
    trace_id: str
    problem_id: str
    step: int | None  # 0-based first step from which none of k recovered; None: every tried prefix recovered
    method: str  # "linear": Self-Explore's rule (arXiv 2404.10346 §3.2)
    k: int  # completions a prefix
    probes: tuple[Probe, ...]
    maker: Maker
    created: float = 0.0
    seconds: float = 0.0
    posterior: tuple[float, ...] = ()  # 0-1 of each step to be the pit, and last of none; sums to 1; () when unknown
    judged_by: JudgedBy = "gold"  # "agreement": no gold answer was known; recovered means: the samples' common answer
    ended: str = ""  # why the search ended, for a person: "the step named is sure enough", "stopped"; "" when unknown

    @property
    def num_tokens(self) -> int:
        """Generated tokens of all probes."""
        return sum(probe.num_tokens for probe in self.probes)


@dataclass(frozen=True, slots=True)
class Pair:
    """One preference pair: `chosen` and `rejected` both continue `prompt`."""

    id: str
    problem_id: str
    trace_id: str
    step: int  # 0-based step of the pit
    prompt: str  # question as the model was asked + the steps before the pit
    chosen: str  # ends the solution: EOS is appended, unless is_whole says otherwise
    rejected: str  # the pit step alone: never EOS
    origin: Literal["person", "machine"]
    by: str  # annotator's name, or the exploration's method
    chosen_from: Literal["remainder", "correction", "solution"]
    source: str = ""  # label or pit id
    is_whole: bool = True  # False: chosen is a bare correction that does not end the solution, so it gets no EOS
    prompt_from: Literal["trace", "engine"] = "trace"  # "engine": an imported trace had none, the model in use asked
    format: str = "transitions"  # the trace's, a key of reasoner.formats.FORMATS


@dataclass(frozen=True, slots=True)
class KeyPoints:
    """What a problem asks and what it tells that bears on it (KPDD, arXiv 2407.10167; DUP, arXiv 2404.14963)."""

    problem_id: str
    core_question: str
    points: tuple[str, ...]  # problem-solving information, one condition each
    by: str  # annotator's name, the model's, or "rules"
    created: float = 0.0
    origin: Origin = "machine"  # "rules": told by the question's sentences and numbers, without a model


@dataclass(frozen=True, slots=True)
class GoldReview:
    """A person's word on a gold answer that executed solutions contradict (MARIO, arXiv 2401.08190 §3)."""

    id: str
    problem_id: str
    kind: ReviewKind
    before: str | None  # the gold answer that was reviewed
    after: str | None  # the gold answer from now on
    annotator: str
    note: str = ""
    created: float = 0.0


@dataclass(frozen=True, slots=True)
class Valuation:
    """What a value model thinks of one trace: the chance of a right answer, seen from each state."""

    trace_id: str
    by: str  # the value model's name
    scores: tuple[float, ...]  # 0-1, one for the state after each step
    created: float = 0.0


@dataclass(frozen=True, slots=True)
class Interval:
    """A rate with its 95 % interval."""

    rate: float  # 0-1
    low: float  # 0-1
    high: float  # 0-1
    successes: int
    total: int


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of a batch of rows: how many were kept, and every dropped row's reason."""

    kept: int = 0
    unchanged: int = 0  # rows that were there already
    dropped: dict[str, int] = field(default_factory=dict)  # reason → rows
    messages: tuple[str, ...] = ()  # "line 12: …", the first hundred

    def __str__(self) -> str:
        parts = [f"{self.kept} kept"]
        if self.unchanged:
            parts.append(f"{self.unchanged} already there")
        parts += [f"{count} dropped: {reason}" for reason, count in sorted(self.dropped.items())]
        return ", ".join(parts)


def make_problem(question: str, answer: str | None, source: str, **rest: str) -> Problem:
    """A Problem whose id follows from its question alone, so the same question from two files is one problem."""
    return Problem(content_id("problem", " ".join(question.split())), question, answer, source, **rest)


def make_trace(
    problem: Problem,
    *,
    prompt: str,
    text: str,
    steps: Iterable[Step],
    answer: str | None,
    verdict: Verdict,
    maker: Maker,
    format: str,
    created: float | None = None,
) -> Trace:
    """A Trace whose id follows from problem, prompt, steps and maker: the same sample twice is one trace."""
    steps = tuple(steps)
    maker_key = json.dumps([maker.engine, maker.model, maker.adapter, maker.seed, maker.temperature, maker.top_p])
    trace_id = content_id("trace", problem.id, prompt, *(step.text for step in steps), maker_key)
    when = time.time() if created is None else created
    return Trace(trace_id, problem.id, steps, prompt, text, format, answer, verdict, maker, when)


def state_ids(problem_id: str, steps: Iterable[Step]) -> list[str]:
    """The id of the state before step 0, then after each step: hash(parent's id + step's text).

    Traces of one problem that share a prefix share these ids; they are the same in every run.
    """
    ids = [content_id("state", problem_id)]
    for step in steps:
        ids.append(content_id(ids[-1], " ".join(step.text.split())))
    return ids
