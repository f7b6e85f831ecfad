"""A state graph as the one JSON string that the browser component draws: places, words, marks, step lists.

    figure_json(build_graph(problem, traces), build_graph(problem, traces, merge=True), focus={"trace": trace.id})
    {"problem": {…}, "states": [{"html": …, "established": […]}, …], "traces": [{"path": [0, 1, 2], …}],
     "views": {"plain": {"slot": […], "depth": […], "edges": […], "marks": […]}, "merged": {…}}, "look": {…}, …}

This is the only place that speaks plotly's language (marker symbols, dashes, `scatter` or `scattergl`); the page fills
in what only it knows: theme, direction, which marks are to be seen, where the cursor stands. Every text in here is
either typeset (escaped) HTML, made by `typeset`, or plain text that the page never inserts as HTML; hover
texts are escaped because plotly reads its texts as a kind of HTML (labels by the page, which breaks them to fit).

Not covered: plotly's own Python figures. Building them validates every value, 50 times slower, and they could not be
redrawn for another theme without the server.
"""

import html
import json
import textwrap
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from functools import lru_cache
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

from reasoner.codeset import codeset
from reasoner.figure_pits import pit_json
from reasoner.graph import Mark, StateGraph, all_marks, state_paths, states_in_order
from reasoner.look import FORMS, KINDS_BY_STRENGTH, MARKERS, THEMES
from reasoner.quantities import Quantity, is_failure, quantities, same_name
from reasoner.records import Finding, Label, Maker, Pit, Problem, Step, Trace
from reasoner.typeset import quantity_of, typeset

SVG_UP_TO = 1_000
"""States drawn as SVG, with glyphs and arrows; more are drawn by WebGL (measured: SVG redraws in 0.2 s at 1,000)."""

COLLAPSE_ABOVE = 60
"""States above which a graph opens collapsed around the selected path (ours: about what one screen can label)."""

HOVER_WIDTH, HOVER_LENGTH = 52, 300
"""Characters a line, and in all, of the text that hovers over a state."""

OUTCOME_LENGTH = 600
"""Characters of an outcome that are shown (ours: some lines; the rest of a long output says little)."""

UNSAFE_IN_PAGES = {"<": "\\u003c", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
"""Signs that could end a script or start a tag, as JSON may write them as well."""


def plotly_js() -> Path:
    """The plotly.min.js that comes with the installed plotly package: the page draws offline. Nothing is imported."""
    found = find_spec("plotly")
    if found is None or found.origin is None:
        raise ModuleNotFoundError("plotly is not installed: run `make setup`")
    return (Path(found.origin).parent / "package_data" / "plotly.min.js").resolve()


def figure_json(graph: StateGraph, merged: StateGraph | None = None, **screen: object) -> str:
    """`graph`, and its merged view if there is one, as a JSON string without "<"; `screen` is added as it is."""
    names = names_of(graph.traces)
    problem = graph.problem
    order = {state: index for index, state in enumerate(graph.digraph)}
    figure: dict[str, Any] = {
        "problem": {
            "id": problem.id,
            "html": typeset(problem.question, names),
            "answer": problem.answer,
            "answer_html": typeset(problem.answer or ""),
            "solution_html": typeset(problem.solution),
            "source": problem.source,
            "level": problem.level,
        },
        "states": [_state(facts, names) for _, facts in graph.digraph.nodes(data=True)],
        "traces": [_trace(graph, trace, order, names) for trace in graph.traces],
        "views": {"plain": _view(graph)},
        "look": {"markers": MARKERS, "forms": FORMS, "themes": THEMES, "strength": KINDS_BY_STRENGTH},
    }
    if merged is not None:
        figure["views"]["merged"] = _view(merged)
    return as_json(figure | screen)


def marks_json(
    problem: Problem, traces: Sequence[Trace], labels: Sequence[Label], pits: Sequence[Pit]
) -> dict[str, Any]:
    """What changes when a label or a pit comes or goes: marks of both views, labels and pits of every trace."""
    views = {}
    for name, is_merged in (("plain", False), ("merged", True)):
        paths = state_paths(problem, traces, is_merged)
        order = {state: index for index, state in enumerate(states_in_order(problem, paths))}
        views[name] = _mark_rows(all_marks(traces, labels, pits, paths), order)
    said = {trace.id: _said(trace, problem, labels, pits) for trace in traces}
    return {"problem": problem.id, "marks": views, "said": said}


def as_json(value: object) -> str:
    """JSON that can stand anywhere in a page: no "<", no "&", whatever a model wrote."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for sign, escape in UNSAFE_IN_PAGES.items():
        text = text.replace(sign, escape)
    return text


@lru_cache(maxsize=4_096)
def _maker(maker: Maker) -> dict[str, Any]:
    return asdict(maker) | {"words": maker_words(maker)}


def maker_words(maker: Maker) -> str:
    """Who made a trace, in one line: "local: solver + adapter run-3, temperature 0.7, seed 1"."""
    parts = [maker.model or maker.engine]
    if maker.engine == "repair":
        parts.append("repaired")
    if maker.adapter:
        parts[0] += f" + {maker.adapter}"
    if maker.temperature is not None:
        parts.append("greedy" if maker.temperature == 0 else f"temperature {maker.temperature:g}")
    if maker.seed is not None:
        parts.append(f"seed {maker.seed}")
    return ", ".join(parts)


def names_of(traces: Iterable[Trace]) -> frozenset[str]:
    """Names of the quantities that the steps of `traces` establish: of "Ben's coins = 67" the part before the sign."""
    steps = {step: None for trace in traces for step in trace.steps}
    return frozenset(same_name(fact.name) for step in steps for fact in quantities(step)) - {"", "answer", "a", "i"}


def question_html(question: str, names: Collection[str], places: Iterable[tuple[int, int, str]] = ()) -> str:
    """The question typeset, with each place (start, end, name) in spans that carry its name, so that it can light up.

    Places may overlap. Where one begins or ends inside a formula, none is marked: halves could not be typeset.
    """
    known = [(max(0, start), min(end, len(question)), name) for start, end, name in places]
    cuts = sorted({0, len(question)} | {cut for start, end, _ in known for cut in (start, end)})
    whole = typeset(question, names)
    parts = []
    for start, end in pairwise(cuts):
        inside = typeset(question[start:end], names)
        here = [name for first, last, name in known if first <= start and end <= last]
        parts.append(
            f'<span class="place" data-places="{html.escape(" ".join(here))}">{inside}</span>' if here else inside
        )
    is_cut_in_formula = "<math" in whole and sum(part.count("<math") for part in parts) != whole.count("<math")
    return whole if not known or is_cut_in_formula else "".join(parts)


def _state(facts: dict[str, Any], names: Collection[str]) -> dict[str, Any]:
    setting = typeset if facts["form"] in ("words", "output") else codeset
    return {
        "html": setting(facts["text"], names),
        "established": [_fact(fact) for fact in facts["established"]],
    }


def _fact(fact: Quantity) -> list[str]:
    """An established quantity as [name, value, value's key, name's key]; no name where only the value is known."""
    return [fact.name, fact.value, quantity_of(fact.value), same_name(fact.name)]


def _trace(graph: StateGraph, trace: Trace, order: dict[str, int], names: Collection[str]) -> dict[str, Any]:
    return {
        "id": trace.id,
        "path": [order[state] for state in graph.paths[trace.id]],
        "steps": [_step(step, names) for step in trace.steps],
        "texts": [step.text for step in trace.steps],
        "answer": trace.answer,
        "verdict": {"status": trace.verdict.status, "reason": trace.verdict.reason},
        "maker": _maker(trace.maker),
        "format": trace.format,
        "created": trace.created,
        "findings": [_finding(finding) for finding in graph.findings.get(trace.id, ())],
        **_said(trace, graph.problem, graph.labels, graph.pits),
    }


def _step(step: Step, names: Collection[str]) -> list[Any]:
    """[action, is it legal], and for steps that are executed their kind, their outcome, and whether it failed."""
    row: list[Any] = [step.action, step.is_legal]
    if step.kind == "words" and not step.outcome:
        return row
    shown = step.outcome if len(step.outcome) <= OUTCOME_LENGTH else step.outcome[:OUTCOME_LENGTH] + "…"
    return [*row, step.kind, codeset(shown, names), is_failure(step.outcome)]


def _said(trace: Trace, problem: Problem, labels: Iterable[Label], pits: Iterable[Pit]) -> dict[str, Any]:
    own = [pit for pit in pits if pit.trace_id == trace.id]
    return {
        "labels": [_label(label) for label in labels if label.trace_id == trace.id],
        "pits": [pit_json(trace, problem, pit, maker_words(pit.maker)) for pit in own],
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "step": finding.step,
        "check": finding.check,
        "status": finding.status,
        "message": finding.message,
        "found": finding.found,
    }


def _label(label: Label) -> dict[str, Any]:
    wanted = ("id", "kind", "step", "annotator", "error_class", "correction", "note", "created")
    return {name: getattr(label, name) for name in wanted}


def _view(graph: StateGraph) -> dict[str, Any]:
    """Nodes as columns, edges as rows, in the order of the digraph; paths as node numbers."""
    order = {state: index for index, state in enumerate(graph.digraph)}
    nodes = [facts for _, facts in graph.digraph.nodes(data=True)]
    num_states = len(nodes)
    return {
        "slot": [facts["slot"] for facts in nodes],
        "depth": [facts["depth"] for facts in nodes],
        "label": [facts["label"] for facts in nodes],
        "form": [facts["form"] for facts in nodes],
        "backs": [[order[back.state], order[back.target], back.action, list(back.trace_ids)] for back in graph.backs],
        "hover": [_hover(facts["text"], len(facts["traces"])) for facts in nodes],
        "passing": [len(facts["traces"]) for facts in nodes],
        "edges": [
            [order[a], order[b], facts["action"], facts["is_legal"], facts["num_traces"]]
            for a, b, facts in graph.digraph.edges(data=True)
        ],
        "paths": {trace: [order[state] for state in path] for trace, path in graph.paths.items()},
        "marks": _mark_rows(graph.marks, order),
        "type": "scatter" if num_states <= SVG_UP_TO else "scattergl",
        "is_large": num_states > COLLAPSE_ABOVE,
    }


def _mark_rows(marks: Iterable[Mark], order: Mapping[str, int]) -> list[list[Any]]:
    return [[order[mark.state], mark.kind, mark.trace_id, mark.by] for mark in marks]


def _hover(text: str, num_traces: int) -> str:
    passing = "1 trace" if num_traces == 1 else f"{num_traces} traces"
    return f"{_hover_lines(text)}<br><i>{passing} through here</i>"


@lru_cache(maxsize=16_384)
def _hover_lines(text: str) -> str:
    shown = text if len(text) <= HOVER_LENGTH else text[:HOVER_LENGTH].rstrip() + "…"
    lines: Sequence[str] = textwrap.wrap(" ".join(shown.split()), HOVER_WIDTH) or [""]
    return "<br>".join(html.escape(line) for line in lines)
