"""The picture of the resource graph as inline SVG."""

from __future__ import annotations

from collections.abc import Iterator

from scanner.report.clean import first_columns, last_columns, one_line, text_width
from scanner.report.graph_layout import NODE_HEIGHT, NODE_WIDTH, Drawing, Edge, Node
from scanner.report.markup import escape
from scanner.report.overview import plural

NAME_COLUMNS, TYPE_COLUMNS = 23, 24
FITTED = range(1200, 1561)
"""Drawings of these widths are scaled down to the page; narrower ones fit as they are, wider ones scroll."""
LETTER = 7.2
"""Mean width of a letter of a lane's title in pixels."""
BAR = f"M4 0.5H6V{NODE_HEIGHT - 0.5}H4A3.5 3.5 0 0 1 0.5 {NODE_HEIGHT - 4}V4A3.5 3.5 0 0 1 4 0.5z"


def svg(drawing: Drawing, *, node_role: str) -> str:
    """The drawing as an ``svg`` element. Nodes carry ``data-n``, edges ``data-a`` and ``data-b``: resource numbers.

    ``node_role`` is the ARIA role of a node: ``button`` where something happens on a click, else ``img``.
    """
    fit = ' class="fit"' if drawing.width in FITTED else ""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {drawing.width} {drawing.height}" '
        f'width="{drawing.width}" height="{drawing.height}"{fit} role="group" aria-label="Resource graph">',
        '<defs><marker id="arrow" viewBox="0 0 8 8" refX="6" refY="4" markerWidth="7" markerHeight="7" '
        'orient="auto"><path class="head" d="M0 0.8L7 4L0 7.2z"/></marker></defs>',
        *(
            f'<text class="column" x="{x}" y="18">{escape(title)}</text>'
            for title, x in drawing.columns
        ),
        *_lanes(drawing),
        *_edges(drawing),
        *(_node(node, node_role) for node in drawing.nodes),
        "</svg>",
    ]  # fmt: skip
    return "\n".join(parts)


def _lanes(drawing: Drawing) -> Iterator[str]:
    columns = int((drawing.width - 24) / LETTER)
    for lane in drawing.lanes:
        yield f'<rect class="lane" x="1" y="{lane.y}" width="{drawing.width - 2}" height="{lane.height}" rx="8"/>'
        yield f'<text class="lane-title" x="12" y="{lane.y + 19}">{escape(shorten(lane.title, columns))}</text>'


def _edges(drawing: Drawing) -> Iterator[str]:
    names = {node.number: node.resource.address for node in drawing.nodes}
    for edge in drawing.edges:
        yield (
            f'<path class="edge{" possible" if edge.possible else ""}" data-a="{edge.source}" data-b="{edge.target}" '
            f'd="{edge.path}" marker-end="url(#arrow)"><title>{escape(_edge_title(edge, names))}</title></path>'
        )


def _edge_title(edge: Edge, names: dict[int, str]) -> str:
    kinds = ", ".join(edge.kinds).replace("_", " ")
    return f"{names[edge.source]} {'may ' if edge.possible else ''}→ {kinds} → {names[edge.target]}"


def _node(node: Node, role: str) -> str:
    resource = node.resource
    name = resource.name or resource.address
    if resource.instance_key is not None:
        name = f"{name}[{resource.instance_key}]"
    worst = f" {node.worst}" if node.worst else ""
    badge = ""
    if node.findings:
        centre = NODE_WIDTH - 17
        badge = (
            f'<rect class="badge" x="{centre - 11}" y="5" width="22" height="16" rx="8"/>'
            f'<text class="count" x="{centre}" y="17">{node.findings if node.findings < 100 else "99+"}</text>'
        )
    return (
        f'<g class="node{worst}" data-n="{node.number}" transform="translate({node.x} {node.y})" tabindex="0" '
        f'role="{role}" aria-label="{escape(describe(node))}"><title>{escape(describe(node))}</title>'
        f'<rect class="box" width="{NODE_WIDTH}" height="{NODE_HEIGHT}" rx="6"/>'
        f'<path class="bar" d="{BAR}"/>'
        f'<text class="type" x="16" y="17">{escape(shorten(resource.type, TYPE_COLUMNS))}</text>'
        f'<text class="name" x="16" y="34">{escape(shorten(name, NAME_COLUMNS))}</text>'
        f"{badge}</g>"
    )


def describe(node: Node) -> str:
    """A node in words: address, place and findings."""
    span = node.resource.locate().span
    words = f"{node.resource.address} ({span.file}:{span.start_line})"
    if not node.findings:
        return f"{words}, no findings"
    return f"{words}, {plural(node.findings, 'finding')}, worst {node.worst}"


def shorten(text: str, columns: int) -> str:
    """``text`` on one line and in at most ``columns`` columns, without its middle where it is longer."""
    line = one_line(text)
    if text_width(line) <= columns:
        return line
    head, tail = first_columns(line, columns - 1 - columns // 3), last_columns(line, columns // 3)
    return f"{head}…{tail}"
