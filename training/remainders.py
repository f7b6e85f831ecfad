"""Right remainders for people's flags: k = 4, 8, 16, 32 completions of the prefix before the flag, until one recovers.

    remainders = Remainders(engine, seed=0)
    remainders.sample_ahead([prefix, …])          # all flags together: the engine's batches stay full
    probe = remainders.probe(prefix, start=0, num=4)

4 is Self-Explore's k (arXiv 2404.10346 §3.2); that it rises is ours. Completion i of a prefix is the one that seed + i
gives, alone or in a batch, so sampling ahead changes the time it takes and nothing else.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from reasoner.engines import Engine
from reasoner.explore import continue_prefix, format_of, prefix_prompt, probe_of, question_part, why_not_explorable
from reasoner.formats import FORMATS
from reasoner.formats.prefixes import prefix_text
from reasoner.records import Probe, Problem, Trace
from reasoner.rounds import complete

SAMPLES = (4, 8, 16, 32)
"""How many completions in all a prefix has had after each try."""

CHUNK = 64  # flags sampled for together. Ours: full batches, and progress is seen


@dataclass(frozen=True)
class Prefix:
    """The steps of `trace` up to `step`, inclusive; -1 is the bare question."""

    trace: Trace
    problem: Problem
    step: int  # 0-based

    @property
    def key(self) -> tuple[str, ...]:
        """The same for the same text to continue, whichever trace it comes from."""
        return (self.problem.id, self.trace.prompt, *(step.text for step in self.trace.steps[: self.step + 1]))


class Remainders:
    """Completions of prefixes by one engine and seed, each drawn once."""

    def __init__(self, engine: Engine, seed: int) -> None:
        self.engine = engine
        self._seed = seed
        self._probes: dict[tuple[tuple[str, ...], int], Probe] = {}

    def can_sample(self, prefix: Prefix) -> bool:
        return not why_not_explorable(self.engine, prefix.trace, prefix.problem, step=prefix.step)

    def sample_ahead(self, prefixes: Sequence[Prefix]) -> None:
        """Draw for all prefixes together, more for those that have not recovered."""
        waiting = list({prefix.key: prefix for prefix in prefixes if self.can_sample(prefix)}.values())
        start = 0
        for total in SAMPLES:
            if waiting:
                self._draw(waiting, start, total - start)
            waiting = [prefix for prefix in waiting if not any(self._probes[prefix.key, start].recovered)]
            start = total

    def probe(self, prefix: Prefix, start: int, num: int) -> Probe:
        """Completions `start` … `start + num - 1` of the prefix, drawn now unless they were drawn ahead."""
        known = self._probes.get((prefix.key, start))
        if known is not None and len(known.completions) == num:
            return known
        return continue_prefix(self.engine, prefix.trace, prefix.problem, prefix.step, num, seed=self._seed + start)

    def _draw(self, prefixes: Sequence[Prefix], start: int, num: int) -> None:
        for name in sorted({format_of(prefix.trace).name for prefix in prefixes}):
            group = [prefix for prefix in prefixes if format_of(prefix.trace).name == name]
            prompts = [prefix_prompt(p.trace, p.step, question_part(self.engine, p.trace, p.problem)) for p in group]
            sampling = FORMATS[name].sampling(num, seed=self._seed + start)
            begun = [prefix_text(prefix.trace, prefix.step) for prefix in group]
            drawn = complete(self.engine, FORMATS[name], prompts, sampling, begun)
            for prefix, prompt, completions in zip(group, prompts, drawn, strict=True):
                probe = probe_of(prefix.trace, prefix.problem, prefix.step, prompt, completions)
                self._probes[prefix.key, start] = probe
