"""The cost of a platform as a table, and as JSON version 1 (schemas/cost.schema.json)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from scanner.concepts.costs import CostLine, Costs
from scanner.concepts.prices import HOURS_A_MONTH
from scanner.facts.instances import Price
from scanner.report.clean import json_text, one_line, text_width
from scanner.report.json_report import place
from scanner.report.overview import plural
from scanner.version import VERSION

COST_VERSION = 1
CURRENCY = "USD"
_HEADINGS = ("floor", "ceiling", "hourly", "number", "machine", "market", "price of")
_RIGHT = 4
"""Columns that are numbers."""
MACHINE_WIDTH = 40


def render_cost_json(costs: Costs) -> str:
    """The cost as one JSON document."""
    document = {
        "version": COST_VERSION,
        "tool": {"name": "kilter", "version": VERSION},
        "currency": CURRENCY,
        "hours_per_month": HOURS_A_MONTH,
        "total": {
            "floor": costs.floor_usd,
            "ceiling": costs.ceiling_usd,
            "lines_without_floor": costs.without_floor,
            "lines_without_ceiling": costs.without_ceiling,
        },
        "lines": [_line(line) for line in costs.lines],
    }
    return json_text(document)


def _line(line: CostLine) -> dict[str, Any]:
    return {
        "kind": line.kind,
        "resource": line.concept.address,
        "name": line.concept.name,
        "location": place(line.concept.resource.locate(line.concept.at).span),
        "machine": line.what,
        "count": {"min": line.fewest, "max": line.most},
        "hourly": line.hourly_usd,
        "monthly": {"floor": line.floor_usd, "ceiling": line.ceiling_usd},
        "market": line.market or None,
        "runs_on": [{"resource": pool.address, "name": pool.name} for pool in line.on],
        "prices": [
            {
                "cloud": price.cloud,
                "name": price.name,
                "region": price.region,
                "on_demand": price.on_demand_usd,
                "spot": price.spot_usd,
                "spot_source": price.spot_source or None,
                "spot_date": price.spot_date or None,
                "source": price.source,
                "date": price.date,
            }
            for price in line.prices
        ],
        "notes": list(line.why),
    }


def render_cost_table(costs: Costs) -> str:
    """The cost as a table for people; control characters of the input are made harmless."""
    if not costs.lines:
        return "No accelerator pools, managed endpoints, notebooks or accelerator workloads found.\n"
    rows = [_row(line) for line in costs.lines]
    total = (_money(costs.floor_usd), _money(costs.ceiling_usd), "", "", "", "", "")
    widths = [max(map(text_width, column)) for column in zip(_HEADINGS, total, *rows, strict=True)]
    parts = [_aligned(_HEADINGS, widths)]
    for line, row in zip(costs.lines, rows, strict=True):
        parts.append(_aligned(row, widths))
        parts += [f"    {text}" for text in _details(line)]
    parts += ["", f"{_aligned(total, widths)}  total {CURRENCY} a month", *_footer(costs)]
    return "\n".join(part.rstrip() for part in parts) + "\n"


def _row(line: CostLine) -> tuple[str, ...]:
    regions = sorted({price.region for price in line.prices})
    return (
        _money(line.floor_usd),
        _money(line.ceiling_usd),
        "?" if line.hourly_usd is None else f"{line.hourly_usd:,.3f}",
        _range(line.fewest, line.most),
        one_line(line.what, MACHINE_WIDTH),
        line.market or "?",
        ", ".join(regions) or "?",
    )


def _money(amount: float | None) -> str:
    return "?" if amount is None else f"{amount:,.0f}"


def _range(fewest: int | None, most: int | None) -> str:
    if fewest == most and fewest is not None:
        return str(fewest)
    return f"{'?' if fewest is None else fewest} to {'?' if most is None else most}"


def _aligned(cells: tuple[str, ...], widths: list[int]) -> str:
    padded = []
    for number, (cell, width) in enumerate(zip(cells, widths, strict=True)):
        space = " " * (width - text_width(cell))
        padded.append(space + cell if number < _RIGHT else cell + space)
    return "  ".join(padded)


def _details(line: CostLine) -> Iterator[str]:
    span = line.concept.resource.locate(line.concept.at).span
    name = "" if line.concept.name in line.concept.address else f" {one_line(line.concept.name)}"
    yield f"{line.kind} {one_line(line.concept.address)}{name} ({one_line(span.file)}:{span.start_line})"
    for note in line.why:
        yield f"= {one_line(note)}"


def _footer(costs: Costs) -> Iterator[str]:
    missing = [
        f"{plural(count, 'line')} without a known {word}"
        for count, word in ((costs.without_floor, "floor"), (costs.without_ceiling, "ceiling"))
        if count
    ]
    if missing:
        yield f"Not in the total: {' and '.join(missing)} (?)."
    if any(line.on for line in costs.lines):
        yield "Workloads share the machines of the pools that they run on, which the total counts once."
    dates = sorted({price.date for line in costs.lines for price in line.prices})
    when = "" if not dates else f" of {dates[0]}" if dates[0] == dates[-1] else f" of {dates[0]} to {dates[-1]}"
    yield f"List prices{when} before taxes and discounts, {HOURS_A_MONTH} hours a month, accelerator machines only."
    yield from sorted({source for line in costs.lines for price in line.prices for source in _sources(line, price)})


def _sources(line: CostLine, price: Price) -> Iterator[str]:
    yield f"  {price.cloud}: {price.source}"
    if price.spot_usd is not None and line.market != "on-demand":
        yield f"  {price.cloud} spot, {price.spot_date}: {price.spot_source}"
