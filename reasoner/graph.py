"""All traces of one problem merged into a state graph: states are nodes, steps are edges, prefixes are shared.

    graph = build_graph(problem, store.traces(problem.id), labels, pits, findings)
    graph.paths[trace.id]            the states that trace passes, question first: one more than it has steps
    graph.digraph.nodes[state]       text, label, depth, slot, traces, established, kind
    graph.digraph.edges[a, b]        action, is_legal, num_traces

Two views come from the same function with another key. Plain: a state is its whole past (`records.state_ids`), which
gives a tree. Merged: a state is the set of quantities established so far, whatever the words and the format (paths.py
says how), which gives a graph without cycles. A Backtrack, and a Verify that fails, lead back to an earlier state: such
ways are kept beside the graph as `Back`s, drawn but never walked, so that layers and slots stay those of the graph.

What people and checks say is kept beside the graph as `Mark`s, each with the trace it speaks of, so that a screen may
show some and hide others; `kind` sums all of them up.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

import networkx as nx

from reasoner import layout
from reasoner.paths import state_paths, states_in_order
from reasoner.quantities import is_failure, quantities
from reasoner.records import ACTIONS, Finding, Label, Pit, Problem, Step, Trace, content_id
from reasoner.ways_back import targets

__all__ = [
    "STRENGTH",
    "Back",
    "Kind",
    "Mark",
    "StateGraph",
    "all_marks",
    "build_graph",
    "short_label",
    "state_paths",
    "states_in_order",
]

Kind = Literal["question", "step", "right", "wrong", "unjudged", "first_wrong", "pit", "after"]
"""What a state is, when all is shown. "first_wrong": by a person; "pit": by a machine; "after": below either."""

STRENGTH: tuple[Kind, ...] = ("step", "after", "unjudged", "right", "wrong", "pit", "first_wrong")
"""When several marks fall on one state, the last of these is its kind (ours: a person's word weighs most)."""

LABEL_LENGTH = 24
"""Characters of a state's short label in the graph; longer ones end in an ellipsis (ours: fits one slot)."""

_NUMBER = r"[-−]?[$€£]?\d[\d,]*(?:\.\d+)?%?"
_TERM = rf"\(*\s*{_NUMBER}\s*\)*"
_SIGN = r"[-+−*/×÷·^]"
_EQUATION = re.compile(rf"{_TERM}(?:\s*(?:{_SIGN}|x(?=\s))\s*{_TERM})*\s*=\s*{_NUMBER}")
_CALCULATOR = re.compile(r"<<[^<>]*>>")
_ANSWER = re.compile(r"(?:so )?the (?:final )?answer is:? (.+?)\.?|(?:A:|####) ?(.+)", re.IGNORECASE)
_ACTION = re.compile(rf"^(?:Action: )?(?:{'|'.join(ACTIONS)})\s*:\s*")


@dataclass(frozen=True, slots=True)
class Mark:
    """One thing that is said about one state because of one trace."""

    state: str  # node id in the same graph
    kind: Kind
    trace_id: str
    by: str = ""  # the annotator's name, or the exploration's method


@dataclass(frozen=True, slots=True)
class Back:
    """A way back: from the state that a Backtrack, or a failed Verify, leads to, to the last correct state."""

    state: str  # node id
    target: str  # node id of an earlier state of the same traces
    action: str
    trace_ids: tuple[str, ...]


@dataclass(frozen=True)
class StateGraph:
    """The state graph of one problem, laid out, and everything it was made from."""

    problem: Problem
    traces: tuple[Trace, ...]
    labels: tuple[Label, ...]
    pits: tuple[Pit, ...]
    findings: Mapping[str, Sequence[Finding]]  # trace id → what the checks say
    is_merged: bool
    root: str
    digraph: nx.DiGraph
    paths: Mapping[str, tuple[str, ...]]  # trace id → its states, the question first
    marks: tuple[Mark, ...] = field(default=())
    backs: tuple[Back, ...] = field(default=())

    @property
    def num_layers(self) -> int:
        return 1 + max(depth for _, depth in self.digraph.nodes(data="depth"))

    @property
    def num_slots(self) -> int:
        return 1 + int(max(slot for _, slot in self.digraph.nodes(data="slot")))


def build_graph(
    problem: Problem,
    traces: Sequence[Trace],
    labels: Sequence[Label] = (),
    pits: Sequence[Pit] = (),
    findings: Mapping[str, Sequence[Finding]] | None = None,
    merge: bool = False,
) -> StateGraph:
    """The state graph of `problem`; labels and pits of traces that are not among `traces` are left out."""
    paths = state_paths(problem, traces, merge)
    root = content_id("state", problem.id)
    digraph = nx.DiGraph()
    digraph.add_node(root, text=problem.question, label="Question", traces=[], established=(), form="words")
    for trace in traces:
        _add_trace(digraph, trace, paths[trace.id])
    _place(digraph, root)
    marks = tuple(all_marks(traces, labels, pits, paths))
    _set_kinds(digraph, root, marks)
    known = {trace.id for trace in traces}
    return StateGraph(
        problem=problem,
        traces=tuple(traces),
        labels=tuple(label for label in labels if label.trace_id in known),
        pits=tuple(pit for pit in pits if pit.trace_id in known),
        findings=findings or {},
        is_merged=merge,
        root=root,
        digraph=digraph,
        paths=paths,
        marks=marks,
        backs=tuple(_ways_back(traces, paths)),
    )


def all_marks(
    traces: Iterable[Trace],
    labels: Iterable[Label],
    pits: Iterable[Pit],
    paths: Mapping[str, Sequence[str]],
) -> Iterator[Mark]:
    """Every mark: each trace's answer, each person's first wrong step, each machine's pit, and what follows them."""
    for trace in traces:
        path = paths[trace.id]
        if len(path) > 1:
            yield Mark(path[-1], trace.verdict.status, trace.id)
    for label in labels:
        if label.kind == "first_wrong" and label.step is not None:
            yield from _pit_marks(
                paths.get(label.trace_id, ()), label.step, "first_wrong", label.trace_id, label.annotator
            )
    for pit in pits:
        if pit.step is not None:
            yield from _pit_marks(paths.get(pit.trace_id, ()), pit.step, "pit", pit.trace_id, pit.method)


def _ways_back(traces: Iterable[Trace], paths: Mapping[str, Sequence[str]]) -> Iterator[Back]:
    found: dict[tuple[str, str, str], list[str]] = {}
    for trace in traces:
        path = paths[trace.id]
        for index, earlier in targets(trace.steps):
            action = trace.steps[index].action or "Backtrack"
            found.setdefault((path[index + 1], path[earlier], action), []).append(trace.id)
    for (state, target, action), ids in found.items():
        if state != target:
            yield Back(state, target, action, tuple(dict.fromkeys(ids)))


def short_label(step: Step | str) -> str:
    """What stands beside a state in the graph: what the step's execution gave, its last equation, or its beginning.

    >>> short_label("Janet uses 3 eggs for breakfast and 4 for muffins: 3 + 4 = 7 eggs a day.")
    '3 + 4 = 7'
    >>> short_label(Step("Ben_coins = Ana_coins + 26", kind="code", outcome="Ben_coins = 67"))
    'Ben_coins = 67'
    """
    if isinstance(step, Step) and step.kind != "words":
        return _code_label(step)
    return _words_label(step if isinstance(step, str) else step.text)


@lru_cache(maxsize=65_536)
def _words_label(written: str) -> str:
    text = " ".join(_CALCULATOR.sub("", written).split())
    text = _ACTION.sub("", text)
    if answer := _ANSWER.fullmatch(text):
        return _cut(f"answer {answer[1] or answer[2]}")
    name, _, rest = text.partition(" = ")
    if rest and not re.search(r"\d", name) and len(name) < LABEL_LENGTH:
        return _cut(f"{name} = {rest.rsplit(' = ', 1)[-1]}")
    found = list(_EQUATION.finditer(text))
    if not found:
        return _cut(text)
    equation = found[-1].group().strip()
    if re.search(rf"{_SIGN}\s*$", text[: found[-1].start()]):  # "16 eggs - 3 = 13": half a sum would mislead
        return "= " + equation.rsplit("=", 1)[-1].strip()
    return _cut(equation)


def _code_label(step: Step) -> str:
    """For steps that are executed: the last value they gave, the error, or their first line."""
    lines = [line.strip() for line in step.text.splitlines() if line.strip()] or [""]
    if is_failure(step.outcome):
        return _cut("⚠ " + step.outcome.split(":", 1)[0].strip())
    if step.kind == "declaration" and not step.outcome:
        return _cut(lines[0].partition("=")[0].strip() + " = ?" if "=" in lines[0] else lines[0])
    if step.kind == "output":
        return _cut("→ " + lines[0].removeprefix("Output:").strip())
    if step.outcome:
        last = " ".join(re.split(r"[\n;]|, (?=[^\W\d]\w* = )", step.outcome.strip())[-1].split())
        return _cut(last if "=" in last else f"→ {last}")
    return _cut(" ".join(lines[0].split()) + (" …" if len(lines) > 1 else ""))


def _cut(text: str) -> str:
    return text if len(text) <= LABEL_LENGTH else text[: LABEL_LENGTH - 1].rstrip(" ,.") + "…"


def _add_trace(digraph: nx.DiGraph, trace: Trace, path: Sequence[str]) -> None:
    digraph.nodes[path[0]]["traces"].append(trace.id)
    for step, before, state in zip(trace.steps, path, path[1:], strict=False):
        if state not in digraph:
            label, facts = short_label(step), quantities(step)
            digraph.add_node(state, text=step.text, label=label, traces=[], established=facts, form=step.kind)
        digraph.nodes[state]["traces"].append(trace.id)
        if digraph.has_edge(before, state):
            digraph.edges[before, state]["num_traces"] += 1
        else:
            digraph.add_edge(before, state, action=step.action, is_legal=step.is_legal, num_traces=1)


def _place(digraph: nx.DiGraph, root: str) -> None:
    depth = layout.layers(digraph, root)
    slot = layout.slots(digraph, root, depth)
    for node, facts in digraph.nodes(data=True):
        facts["depth"] = depth[node]
        facts["slot"] = slot[node]


def _set_kinds(digraph: nx.DiGraph, root: str, marks: Iterable[Mark]) -> None:
    for _, facts in digraph.nodes(data=True):
        facts["kind"] = "step"
    for mark in marks:
        facts = digraph.nodes[mark.state]
        facts["kind"] = max(facts["kind"], mark.kind, key=STRENGTH.index)
    digraph.nodes[root]["kind"] = "question"


def _pit_marks(path: Sequence[str], step: int, kind: Kind, trace_id: str, by: str) -> Iterator[Mark]:
    """The mark of a first wrong step and of all states after it; `path[step + 1]` is the state the step leads to."""
    if not 0 <= step < len(path) - 1:
        return
    yield Mark(path[step + 1], kind, trace_id, by)
    for state in path[step + 2 :]:
        yield Mark(state, "after", trace_id, by)
