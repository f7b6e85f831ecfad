"""From a problem to a label: traces, the state graph, checks, exploration, and the screens to walk them."""
