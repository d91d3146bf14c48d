"""Recognition of what a container runs, and of what its command line says about the model."""

from __future__ import annotations

import re
import shlex
from typing import Any

from scanner.concepts.model import Container, EnvironmentVariable, Serving
from scanner.concepts.quantities import settled, whole
from scanner.core import Path, Unknown, is_unknown
from scanner.facts.kinds import runtimes

_SHELLS = frozenset(("sh", "bash", "/bin/sh", "/bin/bash", "ash", "dash", "/bin/ash", "/usr/bin/bash"))
IDLE = frozenset(("sleep", "tail", "nvidia-smi", "cp", "true", "while", "torch-model-archiver"))
"""Commands that make a container of a runtime's image something else."""
_VARIABLE = re.compile(r"\$(?:\((\w+)\)|\{(\w+)\}|(\w+))")


def words(command: list[Any], args: list[Any]) -> list[Any]:
    """Command and args as words; the script of ``sh -c`` is split as a shell would, unknown items stay."""
    result: list[Any] = []
    items = [*command, *args]
    shell = bool(items) and isinstance(items[0], str) and items[0] in _SHELLS
    for item in items:
        if is_unknown(item):
            result.append(item)
        elif isinstance(item, str) and (shell or "\n" in item or (" " in item and " -" in item)):
            result.extend(_split(item))
        elif isinstance(item, str | int | float) and not isinstance(item, bool):
            result.append(str(item))
    return result


def _split(script: str) -> list[str]:
    text = script.replace("\\\n", " ")
    try:
        return shlex.split(text, comments=True)
    except ValueError:
        return text.split()


def recognise(container: Container) -> None:
    """Fill in ``runtime``, ``gpu_build`` and ``serving`` of a container."""
    data = runtimes()
    image = (container.image or "") if not is_unknown(container.image) else ""
    line = " ".join(word for word in container.argv if isinstance(word, str))
    family, name = _family(data, image.lower(), line)
    container.runtime = name
    if name is None:
        return
    entry = data[family][name]
    if family == "serving":
        container.gpu_build = _gpu_build(data, entry, image.lower())
        container.serving = _serving(data, name, container)
        if not container.port_numbers and entry.get("port"):
            container.port_numbers = [entry["port"]]
    elif family == "training":
        _read_processes(data, container)
    elif family == "notebook" and not container.port_numbers:
        container.port_numbers = [8888]


def _read_processes(data: dict[str, Any], container: Container) -> None:
    """torchrun and deepspeed start one process for each accelerator that they are told of."""
    for number, word in enumerate(container.argv):
        flag, equals, inline = word.partition("=") if isinstance(word, str) else ("", "", "")
        if flag in data["processes"]:
            value = inline if equals else container.argv[number + 1] if number + 1 < len(container.argv) else None
            container.processes = whole(_resolved(value, container.env))
            container.sources["processes"] = _source(container, str(word))


def family_of(runtime: str | None) -> str | None:
    """serving, training or notebook for a runtime's name."""
    data = runtimes()
    return next((family for family in ("serving", "training", "notebook") if runtime in data[family]), None)


def _family(data: dict[str, Any], image: str, line: str) -> tuple[str, str | None]:
    for family in ("training", "serving", "notebook"):
        for name, entry in data[family].items():
            if any(marker in line for marker in entry["argv"]):
                return family, name
    if IDLE & set([word for word in line.split() if word not in _SHELLS and not word.startswith("-")][:2]):
        return "", None
    if image.endswith(tuple(data["client_images"])):
        return "", None
    for family in ("serving", "notebook"):
        for name, entry in data[family].items():
            if any(marker in image for marker in entry.get("images", ())):
                return family, name
    flags = {word.partition("=")[0] for word in line.split()}
    named = next((name for name, signs in data["flag_signs"].items() if flags & set(signs)), None)
    return ("serving", named) if named is not None else ("", None)


def _gpu_build(data: dict[str, Any], entry: dict[str, Any], image: str) -> bool | None:
    if any(marker in image for marker in data["cpu_image_markers"]):
        return False
    known_image = entry.get("gpu") and any(marker in image for marker in entry["images"])
    if known_image or any(marker in image for marker in data["gpu_image_markers"]):
        return True
    return None


def _serving(data: dict[str, Any], name: str, container: Container) -> Serving:
    serving = Serving(runtime=name, at=container.at)
    flags = {flag: field for field, names in data["flags"].items() for flag in names}
    argv = container.argv
    for number, word in enumerate(argv):
        if not isinstance(word, str):
            continue
        flag, equals, inline = word.partition("=")
        if flag in ("--trust-remote-code", "--trust_remote_code"):
            serving.trust_remote_code = inline.lower() not in ("false", "0")
            serving.sources["trust_remote_code"] = _source(container, word)
        elif flag in flags:
            value: Any = inline if equals else argv[number + 1] if number + 1 < len(argv) else None
            _assign(serving, flags[flag], _resolved(value, container.env), _source(container, word))
        elif (
            word == "serve" and name == "vllm" and number + 1 < len(argv) and not str(argv[number + 1]).startswith("-")
        ):
            _assign(serving, "model", _resolved(argv[number + 1], container.env), _source(container, word))
    for field, names in data["environment"].items():
        for variable in container.env:
            if variable.name in names and field not in serving.sources:
                value = variable.value
                if variable.from_reference:
                    value = Unknown(f"{variable.name} comes from a Secret or ConfigMap", f"env {variable.name}")
                if name not in ("triton",):
                    _assign(serving, field, value, variable.at)
        if field == "model" and serving.model is not None:
            continue
    trusted = next((v for v in container.env if v.name in ("TRUST_REMOTE_CODE", "HF_TRUST_REMOTE_CODE")), None)
    if trusted is not None and isinstance(trusted.value, str) and trusted.value.lower() in ("true", "1"):
        serving.trust_remote_code = True
        serving.sources["trust_remote_code"] = trusted.at
    return serving


def _resolved(value: Any, env: list[EnvironmentVariable]) -> Any:
    """A word with its ``$(NAME)`` and ``$NAME`` looked up in the container's environment."""
    if not isinstance(value, str) or "$" not in value:
        return value
    match = _VARIABLE.fullmatch(value.strip("\"'"))
    if match is not None:
        name = match[1] or match[2] or match[3]
        found = next((variable for variable in env if variable.name == name), None)
        if found is not None and found.value is not None and not found.from_reference:
            return found.value
    return Unknown(f"{value} is set when the container starts", value)


def _assign(serving: Serving, field: str, value: Any, source: Path) -> None:
    if field in ("tensor_parallel", "pipeline_parallel", "data_parallel", "context_length"):
        value = whole(value) if not is_unknown(value) else value
        if value is None:
            return
    if field == "gpu_memory_utilization" and isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return
    value = settled(value)
    if value is not None:
        setattr(serving, field, value)
        serving.sources[field] = source


def _source(container: Container, word: str) -> Path:
    """The path of the args or command item that holds ``word``."""
    for field, items in (("args", container.args), ("command", container.command)):
        for number, item in enumerate(items):
            if isinstance(item, str) and (item == word or word in item):
                return (*container.at, field, number)
    return container.at
