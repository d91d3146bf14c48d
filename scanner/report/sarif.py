"""SARIF 2.1.0 for code scanning, built with sarif-om."""

from __future__ import annotations

import posixpath
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from scanner.core import Finding, Span
from scanner.core.findings import SEVERITIES
from scanner.engine.rules import Rule
from scanner.report.clean import json_text, one_line
from scanner.report.fingerprints import fingerprints, line_hashes
from scanner.report.markdown import escape
from scanner.scan import ScanResult, fix_of
from scanner.version import VERSION

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
MAX_RESULTS = 25_000
LEVELS = {"critical": "error", "high": "error", "medium": "warning", "low": "note"}
SECURITY_SEVERITY = {"critical": "9.5", "high": "8.0", "medium": "5.5", "low": "3.0"}


def render_sarif(result: ScanResult) -> str:
    """The report as a SARIF log with one run; paths are relative to the repository's root."""
    import sarif_om as om

    rules = list(result.rules.values())
    index = {rule.id: number for number, rule in enumerate(rules)}
    keys = fingerprints(result)
    order = sorted(range(len(result.findings)), key=lambda n: (SEVERITIES.index(result.findings[n].severity), n))
    driver = om.ToolComponent(name="Kilter", semantic_version=VERSION, rules=[_rule(rule) for rule in rules])
    notifications = [
        om.Notification(
            level=item.level,
            message=om.Message(text=_sentence(item.message)),
            descriptor=om.ReportingDescriptorReference(id=item.code),
            locations=[om.Location(physical_location=_physical(item.span, result))],
        )
        for item in result.diagnostics
    ]
    run = om.Run(
        tool=om.Tool(driver=driver),
        automation_details=om.RunAutomationDetails(id="kilter/"),
        column_kind="unicodeCodePoints",
        original_uri_base_ids={
            "SRCROOT": om.ArtifactLocation(description=om.Message(text="The root of the repository."))
        },
        invocations=[om.Invocation(execution_successful=True, tool_execution_notifications=notifications)],
        results=[_result(result, result.findings[n], keys[n], index) for n in order[:MAX_RESULTS]],
    )
    log = om.SarifLog(schema_uri=SCHEMA, version="2.1.0", runs=[run])
    return json_text(_plain(log))


def _rule(rule: Rule) -> Any:
    import sarif_om as om

    text = " ".join((rule.description or rule.title).split())
    remedy = " ".join(rule.remediation.split())
    links = "".join(f"\n- <{link}>" for link in rule.references)
    return om.ReportingDescriptor(
        id=rule.id,
        name="".join(word.capitalize() for word in rule.name.split("-")),
        short_description=om.MultiformatMessageString(text=_sentence(rule.title)),
        full_description=om.MultiformatMessageString(text=_sentence(text)[:1024]),
        help=om.MultiformatMessageString(
            text=_sentence(remedy), markdown=f"{escape(text)}\n\n**What to do:** {escape(remedy)}\n{links}".strip()
        ),
        help_uri=rule.references[0] if rule.references else None,
        default_configuration=om.ReportingConfiguration(level=LEVELS[rule.severity]),
        properties={
            "tags": [rule.category, "ai-infrastructure"],
            "precision": rule.precision,
            "security-severity": SECURITY_SEVERITY[rule.severity],
        },
    )


def _sentence(text: str) -> str:
    """``text`` as one sentence in which nothing reads as SARIF's embedded link."""
    text = one_line(text).replace("](", "] (")
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _result(result: ScanResult, finding: Finding, key: str, index: dict[str, int]) -> Any:
    import sarif_om as om

    prints = {"kilter/v1": key}
    line = _line_hash(result, finding.location.span)
    if line:
        prints["primaryLocationLineHash"] = line
    return om.Result(
        rule_id=finding.rule,
        rule_index=index[finding.rule],
        level=LEVELS[finding.severity],
        message=om.Message(text=_sentence(finding.message)),
        locations=[
            om.Location(
                physical_location=_physical(finding.location.span, result),
                logical_locations=[om.LogicalLocation(fully_qualified_name=finding.resource.address, kind="resource")],
            )
        ],
        related_locations=_related(result, finding) or None,
        fixes=_fixes(result, finding) or None,
        partial_fingerprints=prints,
    )


def _related(result: ScanResult, finding: Finding) -> list[Any]:
    import sarif_om as om

    return [
        om.Location(
            id=number,
            physical_location=_physical(item.span, result),
            message=om.Message(text=_sentence(item.message)),
        )
        for number, item in enumerate(finding.location.related[:100], 1)
    ]


def _fixes(result: ScanResult, finding: Finding) -> list[Any]:
    import sarif_om as om

    fix = fix_of(result, finding)
    if fix is None:
        return []
    replacements = [
        om.Replacement(
            deleted_region=om.Region(
                start_line=edit.span.start_line,
                start_column=edit.span.start_column,
                end_line=edit.span.end_line,
                end_column=edit.span.end_column,
            ),
            inserted_content=om.ArtifactContent(text=edit.replacement),
        )
        for edit in fix.edits
    ]
    artifact = _artifact(fix.edits[0].span.file, result)
    changes = [om.ArtifactChange(artifact_location=artifact, replacements=replacements)]
    return [om.Fix(description=om.Message(text=_sentence(fix.title)), artifact_changes=changes)]


def _artifact(file: str, result: ScanResult) -> Any:
    import sarif_om as om

    path = posixpath.normpath(result.repository_prefix + file)
    return om.ArtifactLocation(uri=quote(path, safe="/", errors="surrogateescape"), uri_base_id="SRCROOT")


def _physical(span: Span, result: ScanResult) -> Any:
    import sarif_om as om

    return om.PhysicalLocation(
        artifact_location=_artifact(span.file, result),
        region=om.Region(
            start_line=max(span.start_line, 1),
            start_column=max(span.start_column, 1),
            end_line=max(span.end_line, 1),
            end_column=max(span.end_column, span.start_column + (span.end_line == span.start_line)),
        ),
    )


def _line_hash(result: ScanResult, span: Span) -> str:
    source = result.source(span.file)
    if source is None:
        return ""
    hashes = _hashes(source.text)
    return hashes[span.start_line - 1] if span.start_line <= len(hashes) else ""


@lru_cache(maxsize=16)
def _hashes(text: str) -> list[str]:
    return line_hashes(text)


def _plain(value: Any) -> Any:
    """A sarif-om object as JSON data, in SARIF's own names and without what is not set."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if not hasattr(value, "__attrs_attrs__"):
        return value
    result: dict[str, Any] = {}
    for attribute in value.__attrs_attrs__:
        item = getattr(value, attribute.name)
        if item is not None and not (item == attribute.default and not isinstance(item, str | list | dict)):
            result[attribute.metadata.get("schema_property_name", attribute.name)] = _plain(item)
    return {name: item for name, item in result.items() if item != "" or name == "text"}
