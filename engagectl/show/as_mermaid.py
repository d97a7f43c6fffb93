"""A graph as Mermaid text, which GitHub and GitLab draw."""

from engagectl.show.declared import Graph

_SHAPES = {"input": ("[/", "/]"), "table": ("[(", ")]"), "connection": ("{{", "}}"), "activation": ("{{", "}}")}


def as_mermaid(graph: Graph) -> str:
    """Return a flowchart; nodes have numbers for ids, so that no name can end a line or begin a statement."""
    numbers = {node: f"n{number}" for number, node in enumerate(graph.nodes, start=1)}
    lines = ["flowchart LR"]
    for node in graph.nodes:
        before, after = _SHAPES.get(node.rpartition("/")[2].partition(".")[0], ("[", "]"))
        lines.append(f'  {numbers[node]}{before}"{label(node)}"{after}')
    return "\n".join(lines + [f"  {numbers[start]} --> {numbers[end]}" for start, end in graph.edges])


def label(text: str) -> str:
    return "".join(c if c.isalnum() or c in "._-/ *" else f"#{ord(c)};" for c in text)
