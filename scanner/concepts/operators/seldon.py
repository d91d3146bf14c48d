"""The pods of Seldon Core 2's servers: what a server says, laid over the server config that it names.

Sources: apis/mlops/v1alpha1, controllers/reconcilers (common/patch_utils.go, server) of the operator in
SeldonIO/seldon-core 7b77f8b.
"""

from __future__ import annotations

from typing import Any

from scanner.concepts.operators.shaped import Shaped, decided
from scanner.core import Path, Resource, get, is_unknown, mapping, mappings

OPEN_FIELDS = ("image", "command", "args", "resources", "volumeMounts", "livenessProbe", "readinessProbe",
               "startupProbe", "lifecycle")  # fmt: skip
OPEN_POD_FIELDS = ("volumes", "tolerations", "nodeSelector", "affinity", "schedulerName", "serviceAccountName",
                   "terminationGracePeriodSeconds")  # fmt: skip
"""What a server config gives of a container and of a pod."""
WITHOUT_ACCELERATORS = frozenset(("mlserver", "triton"))
"""Server configs of Seldon's own chart; a server adds the accelerators that it wants."""
SERVER_LABELS = {"app.kubernetes.io/name": "seldon-server"}


def server(item: dict[str, Any], at: Path, root: dict[str, Any], config: Resource | None) -> Shaped:
    """The pods of a server; ``config`` is the server config, if the scan has it."""
    given = get(config.attributes, "spec") if config is not None else None
    own, place = mapping(item.get("podSpec")), (*at, "podSpec")
    labels = {"seldon-server-name": get(root, "metadata", "name"), **SERVER_LABELS}
    metadata = {
        "labels": {**labels, **mapping(get(root, "metadata", "labels"))},
        "annotations": mapping(get(root, "metadata", "annotations")),
    }
    containers = [(container, (*place, "containers", n)) for n, container in enumerate(mappings(own.get("containers")))]
    if not isinstance(get(given, "podSpec"), dict):
        named = str(item.get("serverConfig", ""))
        by = f"the server config {named}".rstrip()
        plain: dict[str, Any] = {"resources": {}} if named in WITHOUT_ACCELERATORS else {}
        parts = [(_on_unknown({**plain, **container}, by), path) for container, path in containers]
        parts = parts or [(_on_unknown({"name": "server", **plain}, by), at)]
        open_fields = {key: decided(by) for key in OPEN_POD_FIELDS if not isinstance(own.get(key), dict)}
        spec = {**{key: value for key, value in own.items() if not isinstance(value, list)}, **open_fields}
        return Shaped(spec, tuple(parts), metadata, place)
    theirs = {str(container.get("name")): container for container in mappings(get(given, "podSpec", "containers"))}
    parts = [(_over(theirs.pop(str(container.get("name")), {}), container), path) for container, path in containers]
    parts += [(container, at) for container in theirs.values()]
    spec = {key: value for key, value in _over(get(given, "podSpec"), own).items() if key != "containers"}
    return Shaped({**spec, **_claims(spec, given)}, tuple(parts), metadata, place)


def _claims(spec: dict[str, Any], given: Any) -> dict[str, Any]:
    """The volumes, with those of the config's claim templates."""
    volumes, templates = spec.get("volumes"), mappings(get(given, "volumeClaimTemplates"))
    if is_unknown(volumes) or not templates:
        return {}
    names = [str(template.get("name")) for template in templates]
    made = [{"name": name, "persistentVolumeClaim": {"claimName": name}} for name in names]
    return {"volumes": [*(volumes if isinstance(volumes, list) else []), *made]}


def _on_unknown(own: dict[str, Any], by: str) -> dict[str, Any]:
    """A container of which a server says a part: the config may give what is not said, amounts by amounts."""
    resources = own.get("resources")
    if isinstance(resources, dict):
        amounts = {"cpu": decided(by), "memory": decided(by)}
        given = {part: {**amounts, **mapping(resources.get(part))} for part in ("requests", "limits")}
        resources = {**resources, **given}
    words = {key: [decided(by), *own[key]] for key in ("command", "args") if isinstance(own.get(key), list)}
    laid = {**dict.fromkeys(OPEN_FIELDS, decided(by)), **own, **words, "volumeMounts": decided(by)}
    return laid if resources is None else {**laid, "resources": resources}


def _over(base: Any, own: Any) -> Any:
    """``own`` laid over ``base`` as the operator does it: mappings merge, and lists follow each other."""
    if isinstance(base, dict) and isinstance(own, dict):
        return {**base, **{key: _over(base.get(key), value) for key, value in own.items()}}
    if isinstance(base, list) and isinstance(own, list):
        return [*base, *own]
    return base if own is None else own
