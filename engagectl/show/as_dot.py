"""A graph in the DOT language, for Graphviz."""

from engagectl.show.declared import Graph


def as_dot(graph: Graph) -> str:
    """Return a digraph from left to right."""
    lines = ["digraph engagectl {", "  rankdir=LR;", "  node [shape=box];"]
    lines += [f"  {_quoted(node)};" for node in graph.nodes]
    lines += [f"  {_quoted(start)} -> {_quoted(end)};" for start, end in graph.edges]
    return "\n".join([*lines, "}"])


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
