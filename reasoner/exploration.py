"""One trace on its way to its pit: what it wants sampled next, what it was given, and the pit at its end.

    exploration = Exploration(engine, trace, problem, Settings())
    while wanted := exploration.wanted():                  Wanted(step=2, num=1)
        exploration.take(wanted.step, [Completion(…)])     judged, kept, and told to the search
    exploration.pit()

A search counts prefixes (reasoner/exploring): number i is the prefix that ends with step `ends[i]`. The fixed rules try
the first 20 at most, as Self-Explore's code does; the adaptive search any that fits into the model's context.

A completion that says nothing (probing.tells: cut at the limit of tokens, or empty) is a failure by the fixed rules, as
in the papers. The adaptive search counts it as one of its k tries, and believes nothing from it. No posterior does.

No gold answer, judged by agreement: the question alone is sampled first, and the answer that most of those samples
give, at least two of them, takes the gold answer's place. The trace's own answer has no vote.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from reasoner.budget import NO_ANSWER, NO_END, Progress, Settings
from reasoner.checks.answers import judge
from reasoner.engines import Engine
from reasoner.exploring import SEARCHES, AdaptiveSearch, Belief, Outcome, Request, Search
from reasoner.foreknowledge import by_step, effort_for, task_of
from reasoner.formats.prefixes import format_of, prefix_text, stops
from reasoner.probing import (
    fitting,
    has_gold,
    joined,
    judged,
    lengths_of,
    outcomes_of,
    passing,
    prefix_prompt,
    probe_of,
    question_part,
    tells,
)
from reasoner.records import Completion, JudgedBy, Pit, Probe, Problem, Trace, content_id
from reasoner.votes import group_answers, majority

MAX_STEPS = 20  # of the fixed rules: Self-Explore's code, as papers that follow it
NUM_VOTES = 8  # samples of the bare question, judged by agreement. Ours: what two prefixes cost by Self-Explore's rule
QUESTION = -1  # the prefix without steps


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be sampled next."""

    step: int  # 0-based last step of the prefix, inclusive; QUESTION for none
    num: int  # completions


Known = Mapping[str, Probe]
"""Prompt → what was sampled there before, in the order of seeds."""


class Exploration:
    """One trace on its way to its pit."""

    def __init__(
        self, engine: Engine, trace: Trace, problem: Problem, settings: Settings, known: Known | None = None
    ) -> None:
        self.trace, self.problem, self.settings = trace, problem, settings
        self.judged_by: JudgedBy = "gold" if has_gold(problem) else settings.judged_by
        self.maker = settings.maker(engine)
        self._known: Known = known or {}
        self._question = question_part(engine, trace, problem)
        self._units = stops(trace)
        cap = MAX_STEPS if settings.max_steps is None and not settings.is_adaptive else settings.max_steps
        self.ends = self._units[: fitting(engine, trace, self._question, self._units)][:cap]
        self._lengths = lengths_of(engine, trace, self._units)
        self.probes: dict[int, Probe] = {}  # by step
        self.seconds = 0.0
        self.num_tokens = 0  # generated for this trace
        self.num_silent = 0  # completions that say nothing
        self._num_telling = 0
        self.vote = ""  # what was found where it is judged by agreement, for a person
        self.failure = ""  # why nothing more can be sampled, for a person
        self._begin()

    def _begin(self) -> None:
        """A search from the start; completions that were known before are told to the adaptive one at once."""
        trace, ends, units = self.trace, self.ends, self._units
        whole, settings = task_of(trace, self.problem, units, self._lengths), self.settings
        task = whole if ends == units else task_of(trace, self.problem, ends, self._lengths)
        self._adaptive = (
            AdaptiveSearch(task, settings.k, effort=effort_for(settings.k, settings.shows, task))
            if settings.is_adaptive
            else None
        )
        self._search: Search = self._adaptive or SEARCHES[settings.method](task, settings.k)
        has_own = (
            self._adaptive is None or ends != units
        )  # what an adaptive search believes of all prefixes is the same
        self._own_belief = Belief(whole) if has_own else None
        if self._adaptive is not None:
            if trace.verdict.status == "right" and ends == units:
                self._adaptive.tell(len(ends) - 1, [Outcome(True)])  # the trace itself: all its prefixes recover
            for step in [] if self.needs_vote else ends:
                self._take_known(step)

    # ── asking ───────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def needs_vote(self) -> bool:
        """Is there no answer yet to judge completions by?"""
        return not has_gold(self.problem)

    def wanted(self) -> Wanted | None:
        """What to sample next; None when the search is over."""
        while not self.failure:
            wanted = self._next()
            if wanted is None or not self._take_known(wanted.step, wanted.num):
                return wanted
        return None

    def _next(self) -> Wanted | None:
        if self.needs_vote:
            return Wanted(QUESTION, NUM_VOTES - self.first(QUESTION))
        request = self._search.next_request() or self._next_of_long()
        return Wanted(self.ends[request.step], request.num) if request else None

    def _next_of_long(self) -> Request | None:
        """Of a long trace, one completion rules out so little that none seems worth its price; a few together are.

        So nothing has a price there as long as no step is likelier than all others together.
        """
        search = self._adaptive
        if search is None or len(self.ends) <= MAX_STEPS or max(search.posterior) >= 0.5:
            return None
        effort = search.effort
        search.effort = replace(effort, price=0.0)
        request = search.next_request()
        search.effort = effort
        return request

    def prompt(self, step: int) -> str:
        """The exact text to continue."""
        return prefix_prompt(self.trace, step, self._question)

    def begun(self, step: int) -> str:
        """What of that text is solution already."""
        return prefix_text(self.trace, step)

    def first(self, step: int) -> int:
        """How many completions of this prefix there are: the next ones go on with their seeds."""
        return len(self.probes[step].completions) if step in self.probes else 0

    # ── being told ───────────────────────────────────────────────────────────────────────────────────────────────

    def take(self, step: int, completions: Sequence[Completion], is_own: bool = True) -> None:
        """Judge what was sampled, keep it, and tell the search. Another trace's completions cost this one no tokens."""
        tokens = [completion.num_tokens if is_own else 0 for completion in completions]
        probe = probe_of(self.trace, self.problem, step, self.prompt(step), completions)
        self._tell(replace(probe, num_tokens=sum(tokens)), tokens)

    def _take_known(self, step: int, num: int | None = None) -> bool:
        """Take up (at most `num`) completions that were sampled here before; they cost nothing now."""
        known = self._known.get(self.prompt(step)) if self._known else None
        first = self.first(step)
        part = slice(first, None if num is None else first + num)
        if known is None or not known.completions[part]:
            return False
        texts, cuts = known.completions[part], known.is_cut[part]
        probe = replace(known, step=step, completions=texts, is_cut=cuts, num_tokens=0)
        self._tell(judged(self.trace, self.problem, probe), [0] * len(texts))
        return True

    def _tell(self, probe: Probe, tokens: Sequence[int]) -> None:
        self.probes[probe.step] = joined(self.probes.get(probe.step), probe)
        self.num_tokens += sum(tokens)
        if probe.step == QUESTION:
            self._count_votes()
            return
        number, telling = self.ends.index(probe.step), tells(self.trace, probe)
        self._num_telling += sum(telling)
        self.num_silent += len(telling) - sum(telling)
        found = outcomes_of(self.trace, self.ends, probe)
        outcomes = [replace(one, tokens=num) for one, num in zip(found, tokens, strict=True)]
        for outcome, is_telling in zip(outcomes, telling, strict=True):
            if self._adaptive is not None and not is_telling:
                self._adaptive.tally.add(number, [outcome])  # one of its k tries, and no evidence
            else:
                self._search.tell(number, [outcome])
            if self._own_belief is not None and is_telling:
                self._own_belief.add(number, outcome)

    def _count_votes(self) -> None:
        """The samples' common answer takes the gold answer's place, if there is one."""
        probe, writing = self.probes[QUESTION], format_of(self.trace)
        if len(probe.completions) < NUM_VOTES:
            return
        answers = [answer for text in probe.completions if (answer := writing.answer(text)) is not None]
        groups = group_answers(answers)
        if majority(groups) is None or len(groups[0]) < 2:
            self.failure = f"{NO_ANSWER}: the question's {NUM_VOTES} samples disagree, so nothing can be judged"
            return
        common = answers[groups[0][0]]
        self.vote = f"judged by the answer {common} that {len(groups[0])} of the question's {NUM_VOTES} samples give"
        self.problem = replace(self.problem, answer=common)
        self.trace = replace(self.trace, verdict=judge(common, self.trace.answer))
        self.probes[QUESTION] = judged(self.trace, self.problem, probe)
        self._begin()

    # ── what has been found ──────────────────────────────────────────────────────────────────────────────────────

    def posterior(self) -> tuple[float, ...]:
        """0-1 of each step to be the pit, and last of none."""
        belief = self._own_belief or self._search
        assert isinstance(belief, Belief | AdaptiveSearch)
        return by_step(self.trace, self._units, belief.posterior)

    def progress(self, seconds: float, is_over: bool = False) -> Progress:
        """How far it is, `seconds` after the call began."""
        probes = tuple(self.probes[step] for step in sorted(self.probes))
        num = sum(len(probe.completions) for probe in probes)
        about = (probes, self.posterior(), num, self.num_tokens, seconds, self.settings.budget, is_over)
        return Progress(self.trace.id, self.problem.id, *about)

    def pit(self, ended: str = "") -> Pit:
        """What has been found so far, with all probes. `ended`: why it was ended from outside."""
        settings, number = self.settings, self._search.pit
        if self._adaptive is not None and not self._num_telling and (ended or self.failure or self.num_silent):
            number = None  # no pit is named on the prior alone
        step = None if number is None else self.ends[number - 1] + 1 if number else 0
        ended = "; ".join(filter(None, [ended or self.failure or self._why(step), *self._notes()]))
        probes = self._evidence(number)
        texts = [f"{one.step} {list(zip(one.completions, one.recovered, strict=True))}" for one in probes]
        about = (self.trace.id, settings.method, str(settings.k), repr(self.maker), self.problem.answer or "", ended)
        return Pit(
            id=content_id("pit", *about, *texts),
            trace_id=self.trace.id,
            problem_id=self.problem.id,
            step=step,
            method=settings.method,
            k=settings.k,
            probes=probes,
            maker=self.maker,
            created=time.time(),
            seconds=self.seconds,
            posterior=self.posterior(),
            judged_by=self.judged_by,
            ended=ended,
        )

    def _evidence(self, number: int | None) -> tuple[Probe, ...]:
        """All probes by step. Where none was right right before the pit, also those that pass there."""
        probes = [self.probes[step] for step in sorted(self.probes)]
        if number:
            before = self.ends[number - 1]
            if before not in self.probes or not any(self.probes[before].recovered):
                probes += passing(self.trace, before, probes, self.prompt(before))
        return tuple(sorted(probes, key=lambda probe: probe.step))

    def _why(self, step: int | None) -> str:
        """Why the search ended by itself, for a person. No step is numbered: programs count from 0, screens from 1."""
        where = "that there is no pit" if step is None else "the step named"
        if self._adaptive is not None:
            if self.num_silent and not self._num_telling:
                return NO_END
            chance = max(self.posterior())
            if chance >= self._adaptive.effort.confidence:
                return f"{where} is sure enough ({chance:.0%})"
            return f"more completions would tell less than they cost: {where} is likeliest ({chance:.0%})"
        if self.settings.method == "binary":
            return f"halving came down to {where}"
        if step is None:
            return f"from each of {len(self.ends)} prefixes some completion recovered"
        return f"none of {self.settings.k} completions recovered from the step named"

    def _notes(self) -> list[str]:
        """What else a person should know of the result."""
        notes = [self.vote]
        if len(self.ends) < len(self._units):
            notes.append(f"only the first {self.ends[-1] + 1} of {len(self.trace.steps)} steps were looked at")
        if self.num_silent:
            notes.append(f"{self.num_silent} completions were cut or empty, which is no evidence of a wrong step")
        return notes
