"""Volcano's ModelBooster: the ModelServing that its controller makes of a backend and its workers.

Source: pkg/model-booster-controller/convert (model_serving.go and its templates) of volcano-sh/kthena 3cc0572.
"""

from __future__ import annotations

from typing import Any

from scanner.concepts.operators.shaped import Shaped, decided
from scanner.core import Path, get, is_unknown

WORKERS = {"vLLM": ("server",), "vLLMDisaggregated": ("prefill", "decode")}
"""The workers that each type of backend runs; the controller knows no other type."""
GRACE_SECONDS = 300
POD_FIELDS = ("affinity", "tolerations")


def worker(item: dict[str, Any], at: Path, root: dict[str, Any]) -> Shaped | None:
    """The pods of one of the workers of a backend; ``None`` if the controller makes none of it."""
    backend = get(root, "spec", "backend", default={})
    kind = get(backend, "type")
    if item.get("type", "server") not in WORKERS.get(kind, ()) if isinstance(kind, str) else True:
        return None
    by, alone = "the ModelBooster's controller", kind == "vLLM"
    container = {
        "name": "engine",
        "image": item.get("image"),
        "command": ["python3", "-m", "vllm.entrypoints.openai.api_server", "--model", _model(get(backend, "modelURI"))],
        "args": _flags(item.get("config")),
        "env": get(backend, "env"),
        "envFrom": get(backend, "envFrom"),
        "resources": item.get("resources"),
        "readinessProbe": decided(by),
        "volumeMounts": [{"name": "dshm", "mountPath": "/dev/shm"}] if alone else decided(by),
    }
    cache = _cache(get(backend, "cacheURI"))
    spec = {
        **{field: item[field] for field in POD_FIELDS if field in item},
        "terminationGracePeriodSeconds": GRACE_SECONDS if alone else None,
        "schedulerName": get(backend, "schedulerName"),
        "volumes": cache if is_unknown(cache) else [{"name": "dshm", "emptyDir": {"medium": "Memory"}}, *cache],
    }
    of_backend: Path = ("spec", "backend")
    places: dict[Path, Path] = {(*at, field): (*of_backend, field) for field in ("env", "envFrom")}
    return Shaped(spec, ((container, at),), {}, at, {**places, (*at, "volumes"): (*of_backend, "cacheURI")})


def _model(uri: Any) -> Any:
    """The name of a model on a hub, else the path that it is fetched from."""
    return uri.partition("://")[2] if isinstance(uri, str) else uri


def _flags(config: Any) -> Any:
    if is_unknown(config):
        return config
    found: list[Any] = []
    for key, value in sorted(config.items() if isinstance(config, dict) else ()):
        found.append(f"--{str(key).replace('_', '-')}")
        text = str(value).lower() if isinstance(value, bool) else value if is_unknown(value) else str(value)
        found += [] if not is_unknown(text) and text == "" else [text]
    return found


def _cache(uri: Any) -> Any:
    """The volume that keeps what was fetched; none where it goes with the pod."""
    if is_unknown(uri):
        return uri
    scheme, _, place = uri.partition("://") if isinstance(uri, str) else ("", "", "")
    if scheme == "pvc":
        return [{"name": "cache", "persistentVolumeClaim": {"claimName": place.strip("/")}}]
    return [{"name": "cache", "hostPath": {"path": f"/{place.strip('/')}"}}] if scheme == "hostpath" else []
