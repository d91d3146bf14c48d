"""Resources joined by typed edges."""

from scanner.graph.resource_graph import Direction, EdgeKind, Neighbour, ResourceGraph

__all__ = ["Direction", "EdgeKind", "Neighbour", "ResourceGraph"]
