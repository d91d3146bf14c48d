"""Kubernetes objects that Terraform declares: kubernetes_*, kubernetes_manifest, kubectl_manifest, helm_release."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from scanner.core import (
    Diagnostic,
    Location,
    Locator,
    Parsed,
    Path,
    RelatedSpan,
    Resource,
    SourceFile,
    Span,
    Unknown,
    UnknownText,
    get,
    is_unknown,
    without_gaps,
)
from scanner.core.values import unknowns
from scanner.facts.terraform_kubernetes import declared_object, field_name, is_single, list_field
from scanner.frontends.helm import ChartValues, RenderTime, render_chart
from scanner.frontends.kubernetes import object_to_resources
from scanner.frontends.kubernetes.nodes import Constructor, LimitExceeded, compose
from scanner.frontends.kubernetes.resources import CLUSTER_SCOPED
from scanner.project.tree import Tree, normalise

MANIFEST_TYPES = frozenset(("kubernetes_manifest", "kubernetes_manifest_v1"))
YAML_TYPES = {"kubectl_manifest": "yaml_body", "k8s_manifest": "content"}
OWN_ATTRIBUTES = frozenset(
    """id lifecycle timeouts depends_on wait_for_rollout wait_for_completion wait_for_load_balancer
    wait_for_default_service_account wait_until_bound""".split()
)
"""Attributes of the provider's resources that are no part of the object."""


class Deployed(Struct, frozen=True):
    """What Terraform deploys into clusters; ``charts`` are the local charts that a helm_release installs."""

    parsed: Parsed
    charts: frozenset[str]


def embedded_objects(
    tree: Tree, resources: Iterable[Resource], values: ChartValues, shared: RenderTime | None = None
) -> Deployed:
    """The Kubernetes objects of Terraform resources, each with its Terraform resource as ``parent``.

    ``shared`` is the time that the charts of a scan share.
    """
    parsed = Parsed()
    charts: set[str] = set()
    for resource in resources:
        if declared_object(resource.type) is not None:
            parsed.resources.extend(_declared(resource))
        elif resource.type in MANIFEST_TYPES:
            parsed.resources.extend(_manifest(resource, resource.attributes.get("manifest"), ("manifest",)))
        elif resource.type in YAML_TYPES:
            parsed.extend(_yaml(resource, YAML_TYPES[resource.type]))
        elif resource.type == "helm_release":
            chart = _local_chart(tree, resource)
            if chart is not None:
                charts.add(chart)
                parsed.extend(_release(tree, resource, chart, values, shared))
    return Deployed(parsed, frozenset(charts))


def place_in_manifests(deployed: Iterable[Resource], manifests: Iterable[Resource]) -> Iterator[Resource]:
    """The manifests that Terraform deploys as they stand; the deployed objects take over their places."""
    by_address = {manifest.address: manifest for manifest in manifests}
    for item in deployed:
        manifest = by_address.get(item.address)
        if manifest is not None and item.parent is not None and manifest.attributes == item.attributes:
            release = RelatedSpan(item.parent.locate(()).span, f"deployed by {item.parent.address}")
            item.locator, item.span = ReleaseLocator(manifest.locator, release), manifest.span
            yield manifest


class EmbeddedLocator:
    """Places of an object's values in the Terraform resource that declares it."""

    __slots__ = ("_base", "_paths", "_resource")

    def __init__(self, resource: Resource, paths: Mapping[Path, Path] | None = None, base: Path = ()) -> None:
        self._resource = resource
        self._paths = paths
        self._base = base

    def locate(self, path: Path) -> Location:
        """See ``scanner.core.Locator``."""
        if self._paths is None:
            return self._resource.locate(self._base + path if path else ())
        while path and path not in self._paths:
            path = path[:-1]
        return self._resource.locate(self._paths.get(path, self._base))

    def extent(self) -> Span:
        """See ``scanner.core.Locator``."""
        return self._resource.extent()


def _declared(resource: Resource) -> Iterator[Resource]:
    api_version, kind = declared_object(resource.type) or ("", "")
    paths: dict[Path, Path] = {}
    attributes = {key: value for key, value in resource.attributes.items() if key not in OWN_ATTRIBUTES}
    converted = _block(attributes, (), (), "", paths)
    manifest = {"apiVersion": api_version, "kind": kind, **converted}
    if kind == "Service" and isinstance(manifest.get("spec"), dict):
        manifest["spec"].setdefault("type", "ClusterIP")
    yield from _objects(resource, manifest, EmbeddedLocator(resource, paths))


def _block(
    attributes: Mapping[str, Any], source: Path, target: Path, name: str, paths: dict[Path, Path]
) -> dict[str, Any]:
    """A Terraform block as an API object; ``paths`` learns where each field comes from."""
    result: dict[str, Any] = {}
    for key, value in attributes.items():
        many = list_field(key) if not is_single(name, key) else None
        blocks = isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)
        field = many if many is not None and (blocks or is_unknown(value)) else field_name(key)
        place, origin = (*target, field), (*source, key)
        paths[place] = origin
        if not blocks:
            result[field] = value
        elif many is not None:
            items = []
            for number, item in enumerate(value):
                paths[(*place, number)] = (*origin, number)
                items.append(_block(item, (*origin, number), (*place, number), key, paths))
            result[field] = items
        else:
            result[field] = _block(value[0], (*origin, 0), place, key, paths)
    return {key: item for key, item in result.items() if item is not None}


def _manifest(resource: Resource, value: Any, base: Path) -> Iterator[Resource]:
    if isinstance(value, dict):
        yield from _objects(resource, value, EmbeddedLocator(resource, None, base))


def _objects(resource: Resource, value: dict[str, Any], locator: EmbeddedLocator) -> Iterator[Resource]:
    metadata = value.get("metadata")
    if isinstance(metadata, dict) and is_unknown(metadata.get("name")):
        value = {**value, "metadata": {**metadata, "name": f"({resource.name})"}}
    yield from object_to_resources(
        value, span=resource.span, locator=locator, unit=resource.unit, origin=resource.origin, parent=resource
    )


def _yaml(resource: Resource, field: str) -> Parsed:
    text = resource.attributes.get(field)
    parsed = Parsed()
    if isinstance(text, UnknownText) and isinstance(text.data, str):
        return _yaml_with_gaps(resource, field, text)
    if not isinstance(text, str):
        return parsed
    place = resource.locate((field,)).span
    roots, problems = compose(SourceFile(place.file, text))
    for problem in problems:
        message = f"in {resource.address}: {problem.message}"
        parsed.diagnostics.append(Diagnostic(problem.level, problem.code, message, place))
    for root in roots:
        try:
            value = Constructor().value(root)
        except (LimitExceeded, RecursionError) as error:
            parsed.diagnostics.append(Diagnostic("error", "yaml-limit", f"in {resource.address}: {error}", place))
            continue
        if isinstance(value, dict):
            parsed.resources.extend(_objects(resource, value, EmbeddedLocator(resource, {(): (field,)})))
    return parsed


def _yaml_with_gaps(resource: Resource, field: str, text: UnknownText) -> Parsed:
    """The objects of a manifest that is partly unknown; none where it cannot be read without its unknown parts."""
    roots, problems = compose(SourceFile(resource.span.file, text.data))
    parsed = Parsed()
    for root in roots if not problems else ():
        try:
            value = without_gaps(Constructor().value(root), text)
        except (LimitExceeded, RecursionError):
            continue
        if isinstance(value, dict) and not any(is_unknown(value.get(key)) for key in ("kind", "apiVersion")):
            parsed.resources.extend(_objects(resource, value, EmbeddedLocator(resource, {(): (field,)})))
    return parsed


def _local_chart(tree: Tree, resource: Resource) -> str | None:
    """The scanned directory or archive that a helm_release installs, if it is one."""
    chart = resource.attributes.get("chart")
    if not isinstance(chart, str) or resource.attributes.get("repository") or "://" in chart:
        return None
    directory = posixpath.dirname(resource.span.file)
    for base in (resource.unit, directory):
        place = normalise(posixpath.join(base, chart))
        if tree.is_file(f"{place}/Chart.yaml") or (place.endswith(".tgz") and tree.is_file(place)):
            return place
    return None


def _release(tree: Tree, resource: Resource, chart: str, values: ChartValues, shared: RenderTime | None) -> Parsed:
    """The objects of a local chart as the release's values make them."""
    documents = resource.attributes.get("values", [])
    settings = _settings(resource.attributes.get("set", []))
    missing = next(iter(unknowns([documents, settings])), None)
    texts = [text for text in documents if isinstance(text, str)] if isinstance(documents, list) else []
    known = (
        {key: value for key, value in settings.items() if not is_unknown(value)} if isinstance(settings, dict) else {}
    )
    name, namespace = get(resource.attributes, "name", default="release-name"), resource.attributes.get("namespace")
    given = ChartValues(
        values.files,
        (*(f"{key}={_escaped(value)}" for key, value in known.items()), *values.settings),
        values.kube_version,
        tuple(texts),
        name if isinstance(name, str) else "release-name",
        namespace if isinstance(namespace, str) else "default",
    )
    rendered = render_chart(tree, chart, given, shared=shared)
    place = resource.locate(()).span
    for found in rendered.resources:
        found.parent = resource
        found.unit = resource.unit
        if found.namespace is None and isinstance(namespace, str) and found.type not in CLUSTER_SCOPED:
            found.namespace = namespace
            found.address = f"{found.type}/{namespace}/{found.name}"
        found.locator = ReleaseLocator(found.locator, RelatedSpan(place, f"installed by {resource.address}"))
    if isinstance(missing, Unknown):
        message = f"{resource.address}: a value is not known ({missing.reason}); the chart is rendered without it"
        rendered.diagnostics.append(Diagnostic("note", "helm-values-unknown", message, place))
    return rendered


def _settings(blocks: Any) -> Any:
    if is_unknown(blocks):
        return blocks
    items = blocks if isinstance(blocks, list) else []
    return {str(item.get("name")): item.get("value") for item in items if isinstance(item, dict) and item.get("name")}


def _escaped(value: Any) -> str:
    text = "true" if value is True else "false" if value is False else str(value)
    return text.replace("\\", "\\\\").replace(",", "\\,")


class ReleaseLocator:
    """A chart's places, with the release that installs it as a related one."""

    __slots__ = ("_inner", "_release")

    def __init__(self, inner: Locator, release: RelatedSpan) -> None:
        self._inner = inner
        self._release = release

    def locate(self, path: Path) -> Location:
        """See ``scanner.core.Locator``."""
        found: Location = self._inner.locate(path)
        return Location(found.span, (*found.related, self._release))

    def extent(self) -> Span:
        """See ``scanner.core.Locator``."""
        return self._inner.extent()
