"""The states that each trace of a problem passes: as its whole past, or merged by what has been established.

    state_paths(problem, traces)[trace.id]               plain: one state more than the trace has steps
    state_paths(problem, traces, merge=True)[trace.id]   the same trace in the merged view

Merged, a state is the set of quantities established so far, whatever the words and whatever the format: "Ben_coins"
of a program is "Ben's coins" of a chain of thought. So that they meet,

- a number of the question that a step only states ("Ana_coins = 41") establishes nothing: other formats leave it in
  the question;
- a value without a name ("41 + 26 = 67") is the quantity that the problem's other steps give that value, if they all
  give it one name.

A step that establishes nothing new leads to a state of its own, named by its parent and its text; a trace's end is
named by its answer and verdict as well, so a right and a wrong answer never share a node. A Backtrack gives up what was
established since the state it goes back to. Else the set only grows along a trace, hence no cycles; where Backtracks
would close one, no trace of the problem gives anything up.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

import networkx as nx

from reasoner.equations.tokens import tokenize
from reasoner.quantities import canonical, quantities, same_name
from reasoner.records import Problem, Step, Trace, content_id, state_ids
from reasoner.ways_back import backtracks


def state_paths(problem: Problem, traces: Iterable[Trace], merge: bool = False) -> dict[str, tuple[str, ...]]:
    """The states that each trace passes, the question first."""
    if not merge:
        return {trace.id: tuple(state_ids(problem.id, trace.steps)) for trace in traces}
    traces = list(traces)
    keys = _Keys(problem, traces)
    given_up = {trace.id: dict(backtracks(trace.steps)) for trace in traces}
    paths = {trace.id: tuple(_merged_path(problem, trace, keys, given_up[trace.id])) for trace in traces}
    if any(given_up.values()) and _has_cycle(paths.values()):
        paths = {trace.id: tuple(_merged_path(problem, trace, keys, {})) for trace in traces}
    return paths


def states_in_order(problem: Problem, paths: Mapping[str, Sequence[str]]) -> list[str]:
    """All states in the order in which the digraph holds them, without building it."""
    found = dict.fromkeys([content_id("state", problem.id)])
    for path in paths.values():
        found.update(dict.fromkeys(path))
    return list(found)


class _Keys:
    """What each step of one problem adds to the set of established quantities; each distinct step is read once."""

    def __init__(self, problem: Problem, traces: Sequence[Trace]) -> None:
        self._given = {canonical(token.value) for token in tokenize(problem.question) if token.kind == "number"}
        self._names: dict[str, set[str]] = {}  # value → the names it has
        for step in {step: None for trace in traces for step in trace.steps}:
            for quantity in quantities(step):
                if quantity.name and not (quantity.is_stated and quantity.value in self._given):
                    self._names.setdefault(quantity.value, set()).add(same_name(quantity.name))
        self._known: dict[Step, frozenset[str]] = {}

    def of(self, step: Step) -> frozenset[str]:
        found = self._known.get(step)
        if found is None:
            found = self._known[step] = frozenset(self._read(step))
        return found

    def _read(self, step: Step) -> Iterable[str]:
        for quantity in quantities(step):
            if quantity.is_stated and quantity.value in self._given:
                continue
            names = self._names.get(quantity.value, set()) - {"answer"}
            if not quantity.name and len(names) == 1:
                yield f"{next(iter(names))}={quantity.value}"
            else:
                yield quantity.key


def _merged_path(problem: Problem, trace: Trace, keys: _Keys, given_up: Mapping[int, int]) -> list[str]:
    """The trace's states, named by the quantities established so far; `given_up`: Backtrack's step → its target."""
    path = [content_id("state", problem.id)]
    known: frozenset[str] = frozenset()
    history = [known]
    for index, step in enumerate(trace.steps):
        now = known | keys.of(step)
        key = sorted(now) if now != known else [path[-1], " ".join(step.text.split())]
        if index == len(trace.steps) - 1:
            key = [*sorted(now), "the end", trace.answer or "", trace.verdict.status]
        path.append(content_id("merged", problem.id, *key))
        known = history[given_up[index]] if index in given_up else now
        history.append(known)
    return path


def _has_cycle(paths: Iterable[Sequence[str]]) -> bool:
    graph = nx.DiGraph(edge for path in paths for edge in pairwise(path))
    return not nx.is_directed_acyclic_graph(graph)
