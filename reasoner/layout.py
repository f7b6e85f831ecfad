"""Where every state of a graph stands: a tidy layered layout of a directed acyclic graph with one root.

A state's **layer** is the length of the longest path from the root to it, so that every edge leads downwards. Its
**slot** lies across: leaves take consecutive whole slots, in the order in which they were first reached, and a parent
stands in the middle of its children. A tree of two traces that share their first step:

    layers 0…2      root (0.5)                  slots: {"root": 0.5, "a": 0.5, "b": 0.0, "c": 1.0}
                      a (0.5)
                 b (0.0)  c (1.0)

A graph in which states have several parents is laid out along a spanning tree whose branches are put in the order of
their neighbours' slots (barycentres, as in Sugiyama, Tagawa, Toda 1981). In a layer no two states share a slot.

Not covered: crossings are made fewer, not fewest; edges that span several layers are drawn straight through.
"""

from collections.abc import Mapping

import networkx as nx

SWEEPS = 2
"""Passes that re-order branches by barycentre; more changed nothing visible on graphs of 1,000 states (ours)."""


def layers(graph: nx.DiGraph, root: str) -> dict[str, int]:
    """Layer of every node: 0 for `root`, else one more than its deepest parent."""
    layer = {root: 0}
    for node in nx.topological_sort(graph):
        layer.setdefault(node, 0)
        below = layer[node] + 1
        for child in graph.successors(node):
            if layer.get(child, 0) < below:
                layer[child] = below
    return layer


def slots(graph: nx.DiGraph, root: str, layer: Mapping[str, int]) -> dict[str, float]:
    """Slot of every node reachable from `root`, in units of one leaf's width, starting at 0."""
    children = _spanning_tree(graph, root, layer)
    places = _tidy(children, root)
    if graph.number_of_edges() == graph.number_of_nodes() - 1:
        return places
    for _ in range(SWEEPS):
        for branch in children.values():
            branch.sort(key=lambda node: _barycentre(graph, node, places))
        places = _tidy(children, root)
    return places


def _spanning_tree(graph: nx.DiGraph, root: str, layer: Mapping[str, int]) -> dict[str, list[str]]:
    """Children of every node in a tree in which each node hangs below a parent of the layer just above its own."""
    children: dict[str, list[str]] = {node: [] for node in graph}
    for node in graph:
        if node != root:
            parent = next(above for above in graph.predecessors(node) if layer[above] == layer[node] - 1)
            children[parent].append(node)
    return children


def _tidy(children: Mapping[str, list[str]], root: str) -> dict[str, float]:
    """Leaves in consecutive slots, parents in the middle of their first and last child; without recursion."""
    places: dict[str, float] = {}
    next_slot = 0
    stack = [(root, False)]
    while stack:
        node, is_done = stack.pop()
        branch = children[node]
        if not branch:
            places[node] = float(next_slot)
            next_slot += 1
        elif is_done:
            places[node] = (places[branch[0]] + places[branch[-1]]) / 2
        else:
            stack.append((node, True))
            stack.extend((child, False) for child in reversed(branch))
    return places


def _barycentre(graph: nx.DiGraph, node: str, places: Mapping[str, float]) -> float:
    around = [places[other] for other in graph.predecessors(node)]
    around += [places[other] for other in graph.successors(node)] or [places[node]]
    return sum(around) / len(around)
