"""What came of a result: the tasks that it sent, those that they sent, and so on."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

from ..exceptions import IncompleteStream
from ..utils.graph import DependencyGraph, GraphFormatter


class Family:
    """The part of `AsyncResult` that looks at its children."""

    __slots__ = ()

    def iterdeps(self, intermediate: bool = False) -> Iterator[tuple[Any, Any]]:
        """Pairs of a parent (None for this result) and a result, this one first, nearer ones before farther ones.

        Args:
            intermediate: go on beside those that have not ended, whose children are not known yet.

        Raises:
            IncompleteStream: one has not ended.
        """
        found: deque[tuple[Any, Any]] = deque([(None, self)])
        while found:
            parent, node = found.popleft()
            yield parent, node
            if node.ready():
                found.extend((node, child) for child in node.children or ())
            elif not intermediate:
                raise IncompleteStream(f"{node.id} has not ended, so what it sent is not known yet.")

    def collect(self, intermediate: bool = False, **kwargs: Any) -> Iterator[tuple[Any, Any]]:
        """Pairs of a result and what it returned, this one first; waits for each before it looks for its children.

        Args:
            intermediate: as in `iterdeps`.
            kwargs: of `get`.

        Example:
            >>> [value for result, value in tree.delay().collect()]   # doctest: +SKIP
        """
        for _, node in self.iterdeps(intermediate=intermediate):
            yield node, node.get(**kwargs)

    def get_leaf(self) -> Any:
        """What the last of all results that came of this one returned; waits for them."""
        (_, value) = deque(self.collect(), maxlen=1).pop()
        return value

    def build_graph(
        self, intermediate: bool = False, formatter: GraphFormatter | None = None
    ) -> DependencyGraph[Any]:  # fmt: skip
        """Who sent whom.

        Args:
            intermediate: as in `iterdeps`.
            formatter: how the graph is drawn.
        """
        graph: DependencyGraph[Any] = DependencyGraph(formatter=formatter or GraphFormatter(root=self, shape="oval"))
        for parent, node in self.iterdeps(intermediate=intermediate):
            graph.add_arc(node)
            if parent is not None:
                graph.add_edge(parent, node)
        return graph

    @property
    def graph(self) -> DependencyGraph[Any]:
        """`build_graph` as it is now."""
        return self.build_graph()
