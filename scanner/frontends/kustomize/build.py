"""Building overlays: the objects that ``kustomize build`` would print, each with the places it comes from.

Nothing is executed and nothing is fetched: a remote base is named in a diagnostic. The field semantics are those
of https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/. Names of generated ConfigMaps and
Secrets stay without their content hash.
"""

from __future__ import annotations

import copy
import posixpath
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from msgspec import Struct, field

from scanner.core import Diagnostic, Location, Locator, Parsed, Path, RelatedSpan, Resource, SourceFile, Span, get
from scanner.core.patterns import lazy_pattern
from scanner.frontends.kubernetes import read_manifests
from scanner.frontends.kubernetes.locate import DocumentPositions, ManifestLocator
from scanner.frontends.kubernetes.nodes import Constructor, LimitExceeded, compose, construct
from scanner.frontends.kubernetes.resources import CLUSTER_SCOPED, object_to_resources
from scanner.frontends.kustomize.merge import (
    BUILT_IN_GROUPS,
    PatchError,
    json_patch,
    pointer,
    same_place,
    strategic_merge,
)
from scanner.project.tree import Tree, Unreadable, normalise

KUSTOMIZATION_NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
MAX_DEPTH = 30
MAX_BUILDS = 1_000
MAX_OBJECTS = 20_000
MAX_ADDED = 32 * 1024 * 1024
"""Characters that generators, names, labels and annotations add to the objects of one overlay."""
MAX_STEPS = 500_000
"""Changes of one object: each patch, label, replica count and list of images looks at every object."""
MATCH_SECONDS = 0.1
DEFINITION = "CustomResourceDefinition"
"""Definitions are not read, so their patches find nothing."""
REMOTE = lazy_pattern(r"^(https?://|ssh://|git@|git::|github\.com/|[\w.-]+\.[a-z]{2,}/[\w.-]+/)|\?ref=|//.*\?|\.git\b")
CONTENT = ("data", "binaryData", "stringData")
"""Fields that hold the content of ConfigMaps and Secrets."""
NOT_BUILT = ("helmCharts", "helmChartInflationGenerator", "generators", "transformers", "validators")


class _Object(Struct):
    """An object on its way through the build: its data, its own place, and what patched it."""

    data: dict[str, Any]
    locator: Locator
    span: Span
    patches: list[tuple[Any, Locator]] = field(default_factory=list)
    """(patch data, its places), oldest first."""
    declared: Any = None
    """The data as its own file has it, before any patch."""
    earlier: list[tuple[str, str]] = field(default_factory=list)
    """Names and namespaces that it went by in bases, the first one first."""

    def __post_init__(self) -> None:
        self.declared = self.data

    @property
    def kind(self) -> str:
        return str(self.data.get("kind", ""))

    @property
    def name(self) -> str:
        return str(get(self.data, "metadata", "name", default=""))

    @property
    def namespace(self) -> str:
        return str(get(self.data, "metadata", "namespace", default="default"))


class _BuildLimit(Exception):
    """An overlay that goes beyond a bound; the message names it."""


class _Build(Struct):
    """One build: the tree it reads from, the files it used, and what went wrong."""

    tree: Tree
    used: set[str] = field(default_factory=set)
    directories: set[str] = field(default_factory=set)
    diagnostics: list[Diagnostic] = field(default_factory=list)
    builds: int = 0
    objects: int = 0
    added: int = 0
    steps: int = 0

    @property
    def incomplete(self) -> bool:
        """Whether something that the build uses could not be had, so that what is not found may be there."""
        return any(
            item.code in ("kustomize-missing", "kustomize-remote", "kustomize-not-built") for item in self.diagnostics
        )

    def add(self, characters: int) -> None:
        """Count characters that the build adds. Raises ``_BuildLimit``."""
        self.added += characters
        if self.added > MAX_ADDED:
            raise _BuildLimit(f"it adds more than the limit of {MAX_ADDED} characters to its objects")

    def step(self, number: int) -> None:
        """Count changes of objects. Raises ``_BuildLimit``."""
        self.steps += number
        if self.steps > MAX_STEPS:
            raise _BuildLimit(f"it makes more than the limit of {MAX_STEPS} changes of objects")

    def count(self, builds: int, objects: int) -> None:
        """Count what is built. Raises ``_BuildLimit``: bases that are used twice at every level double it."""
        self.builds += builds
        self.objects += objects
        if self.builds > MAX_BUILDS or self.objects > MAX_OBJECTS:
            raise _BuildLimit(f"more than the limit of {MAX_BUILDS} kustomizations or {MAX_OBJECTS} objects")

    def problem(self, level: Any, code: str, message: str, file: str, path: Path = ()) -> None:
        """Report something at ``path`` of a kustomization file."""
        span = DocumentPositions(self.tree.read(file)).locate(0, path) if path else Span(file, 1, 1, 1, 1)
        self.diagnostics.append(Diagnostic(level, code, message, span))


def build_overlays(tree: Tree, directories: Iterable[str]) -> tuple[Parsed, set[str]]:
    """The objects of every kustomization that no other one uses, and the files that went into them."""
    known = list(directories)
    referenced = {target for directory in known for target in _referenced(tree, directory)}
    parsed = Parsed()
    used: set[str] = set()
    for directory in known:
        if directory in referenced:
            continue
        build = _Build(tree)
        try:
            objects = _build(build, directory, 0)
        except (RecursionError, _BuildLimit) as error:
            reason = str(error) if isinstance(error, _BuildLimit) else "nested too deeply"
            message = f"this overlay is not checked: {reason}"
            build.problem("error", "kustomize-limit", message, _kustomization_file(tree, directory) or directory)
            objects = []
        for item in objects:
            parsed.resources.extend(_resources(item, directory))
        parsed.diagnostics.extend(build.diagnostics)
        used |= build.used
    return parsed, used


def _kustomization_file(tree: Tree, directory: str) -> str | None:
    prefix = f"{directory}/" if directory else ""
    return next((prefix + name for name in KUSTOMIZATION_NAMES if tree.is_file(prefix + name)), None)


def _load(tree: Tree, path: str) -> Any:
    """The data of a file's first document; ``None`` if it cannot be read."""
    try:
        roots, _ = compose(tree.read(path))
        return Constructor().value(roots[0]) if roots else None
    except (Unreadable, LimitExceeded, RecursionError):
        return None


def _referenced(tree: Tree, directory: str) -> Iterator[str]:
    file = _kustomization_file(tree, directory)
    data = _load(tree, file) if file else None
    for entry in _entries(data):
        target = normalise(posixpath.join(directory, entry))
        if target != directory and tree.is_dir(target):
            yield target


def _entries(data: Any) -> Iterator[str]:
    for key in ("resources", "bases", "components"):
        for entry in _list(data, key):
            if isinstance(entry, str):
                yield entry


def _list(data: Any, key: str) -> list[Any]:
    value = data.get(key) if isinstance(data, dict) else None
    return value if isinstance(value, list) else []


def _build(build: _Build, directory: str, depth: int) -> list[_Object]:
    file = _kustomization_file(build.tree, directory)
    data = _load(build.tree, file) if file else None
    if file is None or not isinstance(data, dict):
        build.problem("error", "kustomize-unreadable", "this kustomization cannot be read", file or directory)
        return []
    build.used.add(file)
    if directory in build.directories:
        build.problem("error", "kustomize-cycle", "this kustomization uses itself", file)
        return []
    if depth > MAX_DEPTH:
        message = f"this kustomization is not read: it is the base of more than the limit of {MAX_DEPTH} others"
        build.problem("error", "kustomize-limit", message, file)
        return []
    build.directories.add(directory)
    build.count(1, 0)
    objects: list[_Object] = []
    for key in ("resources", "bases"):
        for number, entry in enumerate(_list(data, key)):
            objects.extend(_resource_entry(build, directory, entry, file, depth, (key, number)))
    objects = _with_generated(build, directory, data, file, objects)
    for entry in _list(data, "components"):
        objects = _component(build, directory, entry, file, depth, objects)
    for key in NOT_BUILT:
        if data.get(key):
            build.problem(
                "warning", "kustomize-not-built", f"{key} is not run; what it adds is not checked", file, (key,)
            )
    objects = _transform(build, directory, data, file, objects)
    build.directories.discard(directory)
    return objects


def _resource_entry(build: _Build, directory: str, entry: Any, file: str, depth: int, place: Path) -> list[_Object]:
    if not isinstance(entry, str):
        return []
    target = normalise(posixpath.join(directory, entry))
    if build.tree.is_dir(target):
        return _build(build, target, depth + 1)
    if build.tree.is_file(target):
        return _manifest(build, target)
    if REMOTE.search(entry):
        message = f"the remote base {entry} is not fetched, so what it adds is not checked"
        build.problem("warning", "kustomize-remote", message, file, place)
    else:
        build.problem("error", "kustomize-missing", f"{entry} is not in the scanned directory", file, place)
    return []


def _manifest(build: _Build, path: str) -> list[_Object]:
    build.used.add(path)
    try:
        parsed = read_manifests(build.tree.read(path), posixpath.dirname(path))
    except Unreadable as error:
        build.problem("error", error.code, error.message, path)
        return []
    build.diagnostics.extend(parsed.diagnostics)
    build.count(0, len(parsed.resources))
    return [_Object(resource.attributes, resource.locator, resource.span) for resource in parsed.resources]


def _component(
    build: _Build, directory: str, entry: Any, file: str, depth: int, objects: list[_Object]
) -> list[_Object]:
    """A component's transformations work on everything that was collected so far."""
    target = normalise(posixpath.join(directory, str(entry)))
    inner = _kustomization_file(build.tree, target) if build.tree.is_dir(target) else None
    data = _load(build.tree, inner) if inner else None
    if inner is None or not isinstance(data, dict):
        build.problem("error", "kustomize-missing", f"{entry} is no component in the scanned directory", file)
        return objects
    build.used.add(inner)
    added = [
        item
        for number, name in enumerate(_list(data, "resources"))
        for item in _resource_entry(build, target, name, inner, depth, ("resources", number))
    ]
    objects = _with_generated(build, target, data, inner, [*objects, *added])
    return _transform(build, target, data, inner, objects)


def _transform(build: _Build, directory: str, data: dict[str, Any], file: str, objects: list[_Object]) -> list[_Object]:
    objects = _patched(build, directory, data, file, objects)
    build.step(len(objects) * sum(len(_list(data, key)) for key in ("images", "replicas", "labels")))
    build.add(len(objects) * _repeated(data))
    if any(data.get(key) for key in ("namespace", "namePrefix", "nameSuffix")):
        for item in objects:
            item.earlier.append((item.name, item.namespace))
    for change in (_with_images, _with_replicas, _with_labels, _with_annotations, _with_namespace, _with_names):
        change(data, objects)
    return objects


def _repeated(data: dict[str, Any]) -> int:
    """The characters that a kustomization adds to each of its objects, in metadata, selectors and templates."""
    given = [data.get("commonLabels"), data.get("commonAnnotations")]
    given += [get(entry, "pairs") for entry in _list(data, "labels")]
    pairs = sum(
        len(str(key)) + len(str(value)) for item in given if isinstance(item, dict) for key, value in item.items()
    )
    return 3 * pairs + sum(len(str(data.get(key) or "")) for key in ("namePrefix", "nameSuffix", "namespace"))


def _patched(build: _Build, directory: str, data: dict[str, Any], file: str, objects: list[_Object]) -> list[_Object]:
    for place, entry in _patch_entries(data):
        for patch, locator in _patches(build, directory, entry, file, place):
            target = entry.get("target") if isinstance(entry, dict) else None
            objects = _apply(build, objects, patch, locator, target, (file, place))
    return objects


def _patch_entries(data: dict[str, Any]) -> Iterator[tuple[Path, Any]]:
    for key in ("patches", "patchesStrategicMerge", "patchesJson6902"):
        for number, entry in enumerate(_list(data, key)):
            yield (key, number), entry


def _patches(build: _Build, directory: str, entry: Any, file: str, place: Path) -> Iterator[tuple[Any, Locator]]:
    """(data, places) of each document of a patch entry."""
    if isinstance(entry, dict):
        inline, path, place = entry.get("patch"), entry.get("path"), (*place, "patch")
    else:
        inline, path = (entry, None) if "\n" in str(entry) else (None, entry)
    if isinstance(inline, str):
        at = ManifestLocator(DocumentPositions(build.tree.read(file)), 0, place)
        for value in _documents(inline):
            yield value, _Fixed(at)
    elif isinstance(path, str):
        target = normalise(posixpath.join(directory, path))
        build.used.add(target)
        try:
            source = build.tree.read(target)
        except Unreadable as error:
            build.problem("error", "kustomize-missing", error.message, file, place)
            return
        positions = DocumentPositions(source)
        for number, value in enumerate(_documents(source.text)):
            yield value, ManifestLocator(positions, number)


class _Fixed:
    """A locator that always answers with the place of another one's root."""

    __slots__ = ("_inner",)

    def __init__(self, inner: Locator) -> None:
        self._inner = inner

    def locate(self, path: Path) -> Location:
        return self._inner.locate(())

    def extent(self) -> Span:
        return self._inner.extent()


def _documents(text: str) -> list[Any]:
    try:
        roots, _ = compose(SourceFile("patch", text))
    except (LimitExceeded, RecursionError):
        return []
    documents, problems = construct(roots, "patch")
    return [] if problems else [value for _, value in documents]


def _apply(
    build: _Build, objects: list[_Object], patch: Any, locator: Locator, target: Any, entry: tuple[str, Path]
) -> list[_Object]:
    """``entry``: the kustomization file and the place of the patch in it, for problems."""
    operations = isinstance(patch, list)
    build.step(len(objects))
    wanted = target if isinstance(target, dict) else patch
    chosen = [item for item in objects if _selected(item, wanted)]
    if not chosen:
        build.step(sum(len(item.earlier) for item in objects))
        chosen = [item for item in objects if _was_selected(item, wanted)]
    if not chosen and isinstance(patch, dict) and target is None and patch.get("kind") != DEFINITION:
        what = f"{patch.get('kind')} {get(patch, 'metadata', 'name', default='')}"
        build.problem("error", "kustomize-patch", f"this patch finds no {what} to change", *entry)
    for item in chosen:
        if isinstance(patch, dict) and patch.get("$patch") == "delete":
            objects = [other for other in objects if other is not item]
            continue
        try:
            if operations:
                item.data = _still_an_object(json_patch(item.data, patch))
                item.patches.extend((_sketch(step), locator) for step in patch if isinstance(step, dict))
            elif isinstance(patch, dict):
                item.data = _merged(item.data, patch)
                item.patches.append((patch, locator))
        except PatchError as error:
            build.problem("error", "kustomize-patch", f"a patch of {item.kind} {item.name} fails: {error}", *entry)
    return objects


def _still_an_object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise PatchError("it leaves no object")
    return value


def _sketch(operation: dict[str, Any]) -> Any:
    """An operation as the nesting of mappings that it changes, so that its place can be found."""
    value = operation.get("value")
    for step in reversed(pointer(str(operation.get("path", "")))):
        value = {step: value} if not (step.isdecimal() or step == "-") else [value]
    return value


def _merged(data: dict[str, Any], patch: Any) -> dict[str, Any]:
    group = str(data.get("apiVersion", "")).rpartition("/")[0]
    identity = {"apiVersion": data.get("apiVersion"), "kind": data.get("kind")}
    name, namespace = get(data, "metadata", "name"), get(data, "metadata", "namespace")
    result: dict[str, Any] = strategic_merge(data, patch, built_in=group in BUILT_IN_GROUPS)
    result |= identity
    if isinstance(result.get("metadata"), dict) and name is not None:
        result["metadata"] = {**result["metadata"], "name": name}
        if namespace is not None:
            result["metadata"]["namespace"] = namespace
    return result


def _was_selected(item: _Object, target: Any) -> bool:
    """Whether a patch means the object by a name that it had before a prefix or namespace was given to it."""
    return any(_selected(item, target, name, namespace) for name, namespace in item.earlier)


def _selected(item: _Object, target: Any, name: str | None = None, namespace: str | None = None) -> bool:
    """Whether a patch's target (or the patch's own kind and name) means the object; names are anchored patterns.

    ``name`` and ``namespace`` are taken for those of the object if they are given.
    """
    if not isinstance(target, dict):
        return False
    metadata = target.get("metadata") if isinstance(target.get("metadata"), dict) else None
    wanted = {
        "kind": target.get("kind"),
        "name": metadata.get("name") if metadata is not None else target.get("name"),
        "namespace": metadata.get("namespace") if metadata is not None else target.get("namespace"),
    }
    actual = {"kind": item.kind, "name": name or item.name, "namespace": namespace or item.namespace}
    for key, pattern in wanted.items():
        if pattern not in (None, "") and not _full_match(str(pattern), str(actual[key]), exact=metadata is not None):
            return False
    group, api = target.get("group"), str(item.data.get("apiVersion", ""))
    if group and api.rpartition("/")[0] != group:
        return False
    return _labels_match(target.get("labelSelector"), get(item.data, "metadata", "labels", default={}))


def _full_match(pattern: str, text: str, *, exact: bool) -> bool:
    if exact or not re.search(r"[.*+?\[\](){}^$|\\]", pattern):
        return pattern == text
    import regex

    try:
        return regex.fullmatch(pattern[:200], text[:300], timeout=MATCH_SECONDS) is not None
    except TimeoutError as error:
        raise _BuildLimit(f"the pattern {pattern[:60]!r} takes longer than {MATCH_SECONDS} s") from error
    except regex.error:
        return False


def _labels_match(selector: Any, labels: Any) -> bool:
    if not isinstance(selector, str) or not isinstance(labels, dict):
        return not isinstance(selector, str)
    for part in selector.split(","):
        key, _, value = part.replace("==", "=").partition("=")
        if str(labels.get(key.strip())) != value.strip():
            return False
    return True


def _walk(value: Any, visit: Callable[[dict[str, Any]], None]) -> None:
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            visit(item)
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)


def _own(item: _Object) -> dict[str, Any]:
    """The object's data, copied, so that a base that several overlays share is not changed for all."""
    item.data = copy.deepcopy(item.data)
    return item.data


def _with_images(data: dict[str, Any], objects: list[_Object]) -> None:
    images = [entry for entry in _list(data, "images") if isinstance(entry, dict) and entry.get("name")]
    if not images:
        return

    def visit(mapping: dict[str, Any]) -> None:
        image = mapping.get("image")
        if isinstance(image, str) and ("name" in mapping or "command" in mapping or "args" in mapping):
            mapping["image"] = _image(image, images)

    for item in objects:
        _walk(_own(item), visit)


def _image(image: str, images: list[dict[str, Any]]) -> str:
    head, slash, last = image.rpartition("/")
    name, _, tag = last.partition("@")[0].partition(":")
    digest = image.partition("@")[2]
    repository = f"{head}{slash}{name}"
    for entry in images:
        if entry["name"] == repository:
            new = str(entry.get("newName") or repository)
            if entry.get("digest"):
                return f"{new}@{entry['digest']}"
            version = entry.get("newTag")
            if version is not None:
                return f"{new}:{version}"
            return new + (f"@{digest}" if digest else f":{tag}" if tag else "")
    return image


def _with_replicas(data: dict[str, Any], objects: list[_Object]) -> None:
    for entry in _list(data, "replicas"):
        if isinstance(entry, dict):
            for item in objects:
                if entry.get("name") in _names(item) and item.kind in ("Deployment", "StatefulSet", "ReplicaSet"):
                    spec = _own(item).setdefault("spec", {})
                    if isinstance(spec, dict):
                        spec["replicas"] = entry.get("count")


def _names(item: _Object) -> list[str]:
    return [item.name, *(name for name, _ in item.earlier)]


def _with_labels(data: dict[str, Any], objects: list[_Object]) -> None:
    common = data.get("commonLabels")
    groups = [(common, True, True)] if isinstance(common, dict) else []
    groups += [
        (entry["pairs"], bool(entry.get("includeSelectors")), bool(entry.get("includeTemplates")))
        for entry in _list(data, "labels")
        if isinstance(entry, dict) and isinstance(entry.get("pairs"), dict)
    ]
    for pairs, selectors, templates in groups:
        for item in objects:
            own = _own(item)
            _extend(own, ("metadata", "labels"), pairs)
            if selectors or templates:
                for place in _templates(own):
                    _extend(place, ("metadata", "labels"), pairs)
            if selectors:
                _extend_selectors(own, pairs)


def _extend(value: dict[str, Any], steps: tuple[str, ...], pairs: dict[str, Any]) -> None:
    for step in steps:
        inner = value.setdefault(step, {})
        if not isinstance(inner, dict):
            return
        value = inner
    value.update(pairs)


def _templates(data: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for steps in (("spec", "template"), ("spec", "jobTemplate"), ("spec", "jobTemplate", "spec", "template")):
        found = get(data, *steps)
        if isinstance(found, dict):
            yield found


def _extend_selectors(data: dict[str, Any], pairs: dict[str, Any]) -> None:
    kind, spec = data.get("kind"), data.get("spec")
    if not isinstance(spec, dict):
        return
    if kind == "Service" and isinstance(spec.get("selector"), dict):
        spec["selector"].update(pairs)
    elif kind in ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "PodDisruptionBudget"):
        _extend(spec, ("selector", "matchLabels"), pairs)
    elif kind == "NetworkPolicy" and isinstance(spec.get("podSelector"), dict):
        _extend(spec, ("podSelector", "matchLabels"), pairs)


def _with_annotations(data: dict[str, Any], objects: list[_Object]) -> None:
    pairs = data.get("commonAnnotations")
    if isinstance(pairs, dict):
        for item in objects:
            own = _own(item)
            _extend(own, ("metadata", "annotations"), pairs)
            for place in _templates(own):
                _extend(place, ("metadata", "annotations"), pairs)


def _with_namespace(data: dict[str, Any], objects: list[_Object]) -> None:
    namespace = data.get("namespace")
    if not isinstance(namespace, str) or not namespace:
        return
    for item in objects:
        own = _own(item)
        if item.kind == "Namespace":
            _extend(own, ("metadata",), {"name": namespace})
        elif item.kind not in CLUSTER_SCOPED:
            _extend(own, ("metadata",), {"namespace": namespace})
        subjects = own.get("subjects")
        for subject in subjects if isinstance(subjects, list) else ():
            if isinstance(subject, dict) and subject.get("kind") == "ServiceAccount":
                subject["namespace"] = namespace


def _with_names(data: dict[str, Any], objects: list[_Object]) -> None:
    prefix, suffix = str(data.get("namePrefix") or ""), str(data.get("nameSuffix") or "")
    if not prefix and not suffix:
        return
    renamed: dict[str, dict[str, str]] = {}
    for item in objects:
        if item.kind not in ("Namespace", "CustomResourceDefinition", "APIService"):
            new = f"{prefix}{item.name}{suffix}"
            renamed.setdefault(item.kind, {})[item.name] = new
            _extend(_own(item), ("metadata",), {"name": new})
    for item in objects:
        _walk(item.data, lambda mapping: _rename(mapping, renamed))


def _rename(mapping: dict[str, Any], renamed: dict[str, dict[str, str]]) -> None:
    """References to renamed objects: by the field that names them, or by kind and name."""
    for key, kinds in REFERENCE_FIELDS.items():
        value = mapping.get(key)
        for kind in kinds:
            names = renamed.get(kind, {})
            if isinstance(value, str) and value in names:
                mapping[key] = names[value]
                break
            if isinstance(value, dict) and value.get("name") in names:
                value["name"] = names[value["name"]]
                break
    own_kind, name = mapping.get("kind"), mapping.get("name")
    if isinstance(own_kind, str) and isinstance(name, str) and "metadata" not in mapping:
        mapping["name"] = renamed.get(own_kind, {}).get(name, name)


REFERENCE_FIELDS = {
    "serviceAccountName": ("ServiceAccount",),
    "claimName": ("PersistentVolumeClaim",),
    "secretName": ("Secret",),
    "configMapRef": ("ConfigMap",),
    "configMapKeyRef": ("ConfigMap",),
    "configMap": ("ConfigMap",),
    "secretRef": ("Secret",),
    "secretKeyRef": ("Secret",),
    "serviceName": ("Service",),
    "service": ("Service",),
}


def _with_generated(
    build: _Build, directory: str, data: dict[str, Any], file: str, objects: list[_Object]
) -> list[_Object]:
    """The objects with what the generators make; with ``behavior`` merge or replace they change one of a base."""
    positions = DocumentPositions(build.tree.read(file))
    objects = list(objects)
    for key, kind in (("configMapGenerator", "ConfigMap"), ("secretGenerator", "Secret")):
        for number, entry in enumerate(_list(data, key)):
            if not isinstance(entry, dict):
                continue
            locator = _Fixed(ManifestLocator(positions, 0, (key, number)))
            made = _Object(_generated(build, directory, entry, kind, file), locator, Span(file, 1, 1, 1, 1))
            changes = entry.get("behavior") in ("merge", "replace")
            build.step(len(objects))
            base = next((item for item in objects if item.kind == kind and _is_base_of(item, made)), None)
            if base is None and changes and data.get("kind") == "Component":
                continue
            if base is None:
                objects.append(made)
            elif changes:
                _regenerate(base, made, keep=entry["behavior"] == "merge")
            if (base is None) == changes and not build.incomplete:
                what = "finds none in the bases" if base is None else "is made without behavior merge or replace"
                message = f"the {kind} {made.name} {what}, which kustomize refuses"
                build.problem("error", "kustomize-generator", message, file, (key, number))
    return objects


def _is_base_of(item: _Object, made: _Object) -> bool:
    return (made.name, made.namespace) in [(item.name, item.namespace), *item.earlier]


def _regenerate(base: _Object, made: _Object, *, keep: bool) -> None:
    """Give the content of ``made`` to ``base``, besides (``keep``) or in the place of what it has."""
    patch = {field: made.data[field] for field in CONTENT if field in made.data}
    before = base.data if keep else {field: value for field, value in base.data.items() if field not in CONTENT}
    held = {field: before[field] if isinstance(before.get(field), dict) else {} for field in patch}
    base.data = {**before, **{field: {**held[field], **values} for field, values in patch.items()}}
    base.patches.append((patch, made.locator))


def _generated(build: _Build, directory: str, entry: dict[str, Any], kind: str, file: str) -> dict[str, Any]:
    content = dict(_generated_content(build, directory, entry, file))
    metadata = {"name": str(entry.get("name", ""))}
    if isinstance(entry.get("namespace"), str):
        metadata["namespace"] = entry["namespace"]
    api = {"apiVersion": "v1", "kind": kind, "metadata": metadata}
    return {**api, "data": content} if kind == "ConfigMap" else {**api, "stringData": content}


def _generated_content(build: _Build, directory: str, entry: dict[str, Any], file: str) -> Iterator[tuple[str, str]]:
    single = entry.get("env")
    for path in [*([single] if isinstance(single, str) else []), *_list(entry, "envs")]:
        yield from _variables(_content(build, directory, str(path), file) or "")
    for listed in _list(entry, "files"):
        name, equals, path = str(listed).partition("=")
        path = path if equals else name
        text = _content(build, directory, path, file)
        if text is not None:
            yield (name if equals else posixpath.basename(path)), text
    for literal in _list(entry, "literals"):
        name, equals, text = str(literal).partition("=")
        if equals:
            quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "\"'"
            yield name, text[1:-1] if quoted else text


def _content(build: _Build, directory: str, path: str, file: str) -> str | None:
    """The text of a file that a generator names; ``None``, and a diagnostic, if it cannot be read."""
    target = normalise(posixpath.join(directory, path))
    build.used.add(target)
    try:
        text = build.tree.read(target).text
    except Unreadable as error:
        build.problem("warning", "kustomize-missing", error.message, file)
        return None
    build.add(len(text))
    return text


def _variables(text: str) -> Iterator[tuple[str, str]]:
    """The variables of an env file; those without a value come from the shell of the builder and are left out."""
    for line in text.splitlines():
        name, equals, value = line.lstrip().partition("=")
        if equals and not name.startswith("#"):
            yield name, value


class OverlayLocator:
    """Places of a built object: in the last patch that sets the value, else in the file that declares it.

    A patch that only changes something inside of a declared mapping does not set the mapping.
    """

    __slots__ = ("_item",)

    def __init__(self, item: _Object) -> None:
        self._item = item

    def locate(self, path: Path) -> Location:
        """See ``scanner.core.Locator``."""
        own = same_place(self._item.data, path, self._item.declared)
        for patch, locator in reversed(self._item.patches) if path else ():
            place = same_place(self._item.data, path, patch)
            if place and not (own is not None and isinstance(get(patch, *place), dict)):
                found = locator.locate(place)
                declared = self._item.locator.locate(()).span
                return Location(found.span, (*found.related, RelatedSpan(declared, "declared here")))
        while own is None:
            path = path[:-1]
            own = same_place(self._item.data, path, self._item.declared)
        return self._item.locator.locate(own)

    def extent(self) -> Span:
        """See ``scanner.core.Locator``."""
        return self._item.locator.extent()


def _resources(item: _Object, unit: str) -> Iterator[Resource]:
    return object_to_resources(item.data, span=item.span, locator=OverlayLocator(item), unit=unit, origin="kustomize")
