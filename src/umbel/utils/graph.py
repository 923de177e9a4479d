"""DependencyGraph: what depends on what, and its drawing in Graphviz' language; names and methods are Celery's.

Source: `celery.utils.graph` (names); https://graphviz.org/doc/info/lang.html (the language).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from graphlib import CycleError, TopologicalSorter
from typing import Any, Generic, Protocol, TypeVar

T = TypeVar("T", bound=Hashable)


class Writable(Protocol):
    """A file of text, or of bytes."""

    def write(self, data: Any, /) -> Any: ...


class GraphFormatter:
    """How a graph is drawn.

    Args:
        root: the node that is drawn with a double line, None for none.
        shape: of the nodes.
        scheme: more attributes of all nodes.
    """

    def __init__(self, root: object = None, shape: str = "box", **scheme: str) -> None:
        self.root = root
        self.attributes = {"shape": shape, **scheme}

    def label(self, node: object) -> str:
        """What stands in a node."""
        return str(node)

    def draw(self, graph: DependencyGraph[Any]) -> str:
        """The whole drawing.

        Example:
            >>> print(GraphFormatter().draw(DependencyGraph([("a", ["b"])])))
            digraph {
                node [shape="box"]
                "a"
                "b"
                "a" -> "b"
            }
        """
        lines = [f"node [{_attributes(self.attributes)}]"]
        for node in graph:
            is_root = self.root is not None and node == self.root
            lines.append(_quoted(self.label(node)) + (' [peripheries="2"]' if is_root else ""))
        lines += [
            f"{_quoted(self.label(node))} -> {_quoted(self.label(other))}" for node in graph for other in graph[node]
        ]
        return "\n".join(["digraph {", *(f"    {line}" for line in lines), "}"])


class DependencyGraph(Generic[T]):
    """Nodes, and for each those that it leads to.

    Args:
        it: pairs of a node and those that it leads to.
        formatter: how `to_dot` draws it.

    Example:
        >>> graph = DependencyGraph([("shoes", ["socks"]), ("tie", ["shirt"])])
        >>> graph["shoes"], len(graph), graph.topsort().index("socks") < graph.topsort().index("shoes")
        (['socks'], 4, True)
    """

    def __init__(
        self, it: Iterable[tuple[T, Iterable[T]]] | None = None, formatter: GraphFormatter | None = None
    ) -> None:
        self.formatter = formatter or GraphFormatter()
        self.adjacent: dict[T, list[T]] = {}
        if it is not None:
            self.update(it)

    def add_arc(self, obj: T) -> None:
        """Add a node, unless it is there."""
        self.adjacent.setdefault(obj, [])

    def add_edge(self, A: T, B: T) -> None:  # noqa: N803 - Celery's names
        """`A` leads to `B`; both are added when they are not there."""
        self.add_arc(A)
        self.add_arc(B)
        self.adjacent[A].append(B)

    def connect(self, graph: DependencyGraph[T]) -> None:
        """Add the nodes of another graph, with what they lead to."""
        self.adjacent.update(graph.adjacent)

    def update(self, it: Iterable[tuple[T, Iterable[T]]]) -> None:
        """Add pairs of a node and those that it leads to."""
        for node, others in it:
            self.add_arc(node)
            for other in others:
                self.add_edge(node, other)

    def topsort(self) -> list[T]:
        """The nodes, each behind all that it leads to.

        Raises:
            ValueError: some lead to each other in a circle.
        """
        try:
            return [*TopologicalSorter(self.adjacent).static_order()]
        except CycleError as error:
            raise ValueError(f"These lead to each other in a circle: {error.args[1]}.") from error

    def valency_of(self, obj: T) -> int:
        """How many steps lead away from a node, directly and further on; 0 for one that is not there."""
        seen, found = 0, [*self.adjacent.get(obj, ())]
        met = {obj}
        while found:
            node = found.pop()
            seen += 1
            if node not in met:
                met.add(node)
                found += self.adjacent.get(node, ())
        return seen

    def edges(self) -> Iterator[T]:
        """The nodes that lead to others."""
        return (node for node, others in self.adjacent.items() if others)

    def items(self) -> Iterable[tuple[T, list[T]]]:
        """Pairs of a node and those that it leads to."""
        return self.adjacent.items()

    def to_dot(self, fh: Writable, formatter: GraphFormatter | None = None) -> None:
        """Write the drawing into a file of text."""
        fh.write((formatter or self.formatter).draw(self) + "\n")

    def __iter__(self) -> Iterator[T]:
        return iter(self.adjacent)

    def __getitem__(self, node: T) -> list[T]:
        return self.adjacent[node]

    def __len__(self) -> int:
        return len(self.adjacent)

    def __contains__(self, obj: object) -> bool:
        return obj in self.adjacent

    def __repr__(self) -> str:
        return "\n".join(f"{node} -> {', '.join(map(str, others)) or '(none)'}" for node, others in self.items())


def _attributes(values: dict[str, str]) -> str:
    return ", ".join(f"{name}={_quoted(value)}" for name, value in values.items())


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
