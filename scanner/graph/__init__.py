"""Resources joined by typed edges."""

from scanner.graph.resource_graph import Direction, EdgeKind, GraphLimit, Neighbour, ResourceGraph

__all__ = ["Direction", "EdgeKind", "Neighbour", "GraphLimit", "ResourceGraph"]
