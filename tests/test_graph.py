"""The state graph: prefixes are shared, merging never cycles, nothing overlaps, marks say who said what."""

from itertools import pairwise

import networkx as nx
from hypothesis import given, settings
from hypothesis import strategies as some

from reasoner.graph import StateGraph, all_marks, build_graph, short_label, state_paths, states_in_order
from reasoner.records import (
    Label,
    Maker,
    Pit,
    Probe,
    Problem,
    Step,
    Trace,
    Verdict,
    make_problem,
    make_trace,
    state_ids,
)

PROBLEM = make_problem("Ana has 3 coins. Ben has 2 more than Ana. How many have they together?", "8", "test")


def trace(*steps: str, status: str = "right", name: str = "a", answer: str = "8", problem: Problem = PROBLEM) -> Trace:
    return make_trace(
        problem,
        prompt="",
        text="\n".join(steps),
        steps=[Step(text, "Solve Subquestion") for text in steps],
        answer=answer,
        verdict=Verdict(status, answer),
        maker=Maker("import", name),
        format="cot",
        created=0.0,
    )


RIGHT = trace("Ben has 3 + 2 = 5 coins.", "Together 3 + 5 = 8 coins.", name="right")
WRONG = trace("Ben has 3 + 2 = 5 coins.", "Together 3 + 5 = 9 coins.", status="wrong", name="wrong", answer="9")


def flag(of: Trace, step: int, annotator: str = "ada") -> Label:
    return Label.of(of, kind="first_wrong", step=step, annotator=annotator)


def pit(of: Trace, step: int | None) -> Pit:
    probe = Probe(step or 0, ("x",) * 4, (False,) * 4, 8, "p")
    return Pit("pit-1", of.id, of.problem_id, step, "linear", 4, (probe,), Maker("local", "solver"))


def kinds(graph: StateGraph, of: Trace) -> list[str]:
    return [graph.digraph.nodes[state]["kind"] for state in graph.paths[of.id]]


def test_traces_share_the_states_of_a_common_beginning():
    graph = build_graph(PROBLEM, [RIGHT, WRONG])
    assert graph.digraph.number_of_nodes() == 4
    assert graph.paths[RIGHT.id][:2] == graph.paths[WRONG.id][:2]
    assert graph.digraph.edges[graph.paths[RIGHT.id][:2]]["num_traces"] == 2
    assert set(graph.digraph.nodes[graph.paths[RIGHT.id][1]]["traces"]) == {RIGHT.id, WRONG.id}


def test_states_are_named_by_their_content_so_ids_are_the_same_in_every_run():
    graph = build_graph(PROBLEM, [WRONG, RIGHT])
    assert list(graph.paths[RIGHT.id]) == state_ids(PROBLEM.id, RIGHT.steps)


def test_edges_keep_action_and_legality():
    illegal = make_trace(
        PROBLEM, prompt="", text="x", steps=[Step("Summarize: the answer is 8", "Summarize", False)], answer="8",
        verdict=Verdict("right"), maker=Maker("import"), format="transitions",
    )  # fmt: skip
    graph = build_graph(PROBLEM, [illegal])
    facts = graph.digraph.edges[graph.paths[illegal.id]]
    assert (facts["action"], facts["is_legal"]) == ("Summarize", False)


def test_answers_are_right_wrong_or_unjudged():
    unjudged = trace("No idea.", status="unjudged", name="none")
    graph = build_graph(PROBLEM, [RIGHT, WRONG, unjudged])
    assert kinds(graph, RIGHT) == ["question", "step", "right"]
    assert kinds(graph, WRONG)[-1] == "wrong"
    assert kinds(graph, unjudged)[-1] == "unjudged"


def test_a_persons_flag_outweighs_a_machines_pit_and_both_stay_as_marks():
    long = trace("3 + 2 = 6", "6 + 3 = 9", "So 9.", status="wrong", answer="9")
    graph = build_graph(PROBLEM, [long], [flag(long, 0)], [pit(long, 0)])
    assert kinds(graph, long) == ["question", "first_wrong", "after", "wrong"]
    at_pit = {(mark.kind, mark.by) for mark in graph.marks if mark.state == graph.paths[long.id][1]}
    assert at_pit == {("first_wrong", "ada"), ("pit", "linear")}


def test_a_machine_that_recovered_everywhere_marks_no_pit():
    graph = build_graph(PROBLEM, [WRONG], pits=[pit(WRONG, None)])
    assert kinds(graph, WRONG) == ["question", "step", "wrong"]


def test_a_flag_beyond_the_last_step_and_labels_of_other_traces_are_left_out():
    graph = build_graph(PROBLEM, [RIGHT], [flag(RIGHT, 7), flag(WRONG, 0)], [pit(WRONG, 0)])
    assert kinds(graph, RIGHT) == ["question", "step", "right"]
    assert graph.pits == ()
    assert [label.trace_id for label in graph.labels] == [RIGHT.id]


def test_merging_unites_states_that_established_the_same_in_other_words():
    other = trace("First 3 + 2 = 5.", "In all that is 5 + 3 = 8 coins.", name="other")
    plain, merged = (build_graph(PROBLEM, [RIGHT, other], merge=merge) for merge in (False, True))
    assert plain.digraph.number_of_nodes() == 5
    assert merged.digraph.number_of_nodes() < 5
    assert merged.is_merged


def test_merging_never_unites_a_right_and_a_wrong_answer():
    one = trace("3 + 5 = 8", status="right", name="one")
    two = trace("3 + 5 = 8", status="wrong", name="two", answer="9")
    graph = build_graph(PROBLEM, [one, two], merge=True)
    assert graph.paths[one.id][-1] != graph.paths[two.id][-1]


def test_a_trace_without_steps_ends_at_the_question():
    graph = build_graph(PROBLEM, [trace()])
    assert graph.digraph.number_of_nodes() == 1
    assert graph.digraph.nodes[graph.root]["kind"] == "question"


def test_a_problem_without_traces_is_its_question():
    graph = build_graph(PROBLEM, [])
    assert (graph.num_layers, graph.num_slots) == (1, 1)


STEPS = some.sampled_from(
    ["3 + 2 = 5", "5 + 3 = 8", "8 - 3 = 5", "so it is 5", "2 + 2 = 4", "check it", "Ben's coins = 5"]
)
TRACES = some.lists(some.lists(STEPS, max_size=7), min_size=1, max_size=7)


def built(rows: list[list[str]], merge: bool) -> StateGraph:
    traces = [trace(*steps, name=str(i), status="wrong" if i % 2 else "right") for i, steps in enumerate(rows)]
    labels = [flag(one, 0) for one in traces if one.steps]
    return build_graph(PROBLEM, traces, labels, [pit(one, 0) for one in traces if one.steps], merge=merge)


@settings(max_examples=80, deadline=None)
@given(TRACES, some.booleans())
def test_every_graph_is_acyclic_with_one_root_and_every_edge_leads_downwards(rows, merge):
    graph = built(rows, merge)
    assert nx.is_directed_acyclic_graph(graph.digraph)
    assert [node for node, degree in graph.digraph.in_degree() if degree == 0] == [graph.root]
    depth = dict(graph.digraph.nodes(data="depth"))
    assert all(depth[a] < depth[b] for a, b in graph.digraph.edges)


@settings(max_examples=80, deadline=None)
@given(TRACES, some.booleans())
def test_no_two_states_of_a_layer_stand_in_the_same_place(rows, merge):
    graph = built(rows, merge)
    places = sorted((facts["depth"], facts["slot"]) for _, facts in graph.digraph.nodes(data=True))
    assert all(a[0] < b[0] or b[1] - a[1] > 0.2 for a, b in pairwise(places))


@settings(max_examples=60, deadline=None)
@given(TRACES, some.booleans())
def test_every_trace_is_a_path_of_the_graph_and_passes_are_counted(rows, merge):
    graph = built(rows, merge)
    for one in graph.traces:
        path = graph.paths[one.id]
        assert len(path) == len(one.steps) + 1
        assert all(graph.digraph.has_edge(a, b) for a, b in pairwise(path))
    steps = sum(len(one.steps) for one in graph.traces)
    assert sum(count for _, _, count in graph.digraph.edges(data="num_traces")) == steps


@settings(max_examples=40, deadline=None)
@given(TRACES, some.booleans())
def test_paths_and_order_without_the_graph_are_those_of_the_graph(rows, merge):
    graph = built(rows, merge)
    paths = state_paths(PROBLEM, graph.traces, merge)
    assert paths == graph.paths
    assert states_in_order(PROBLEM, paths) == list(graph.digraph)
    assert tuple(all_marks(graph.traces, graph.labels, graph.pits, paths)) == graph.marks


def test_short_labels_say_the_last_sum_or_the_quantity():
    cases = {
        "Janet uses 3 for breakfast and 4 for muffins: 3 + 4 = 7 eggs a day.": "3 + 4 = 7",
        "She makes 9 * 2 = $<<9*2=18>>18 every day": "9 * 2 = $18",
        "Solve Subquestion: Ben's coins = Ana's coins + 26 = 41 + 26 = 67": "Ben's coins = 67",
        "16 eggs - 3 = 13 are left": "= 13",
        "Summarize: the answer is 171": "answer 171",
        "A: 18": "answer 18",
        "no number here": "no number here",
        "": "",
    }
    assert {text: short_label(text) for text in cases} == cases


@given(some.text(max_size=300))
def test_short_labels_are_short_whatever_the_text(text):
    assert len(short_label(text)) <= 24
