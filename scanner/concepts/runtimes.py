"""Recognition of what a container runs, and of what its command line says about the model."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from scanner.concepts.command_lines import Command, commands, fill, words
from scanner.concepts.model import Container, Serving
from scanner.concepts.quantities import settled, whole
from scanner.core import Path, Unknown
from scanner.core.patterns import lazy_pattern
from scanner.facts.kinds import runtimes

__all__ = ["family_of", "read_flags", "recognise", "words"]
IDLE = frozenset(("sleep", "tail", "nvidia-smi", "cp", "true", "while", "torch-model-archiver"))
"""Commands that make a container of a runtime's image something else."""
_NIM_MODEL = lazy_pattern(r"nvcr\.io/nim/([\w.-]+/[\w.-]+)")
_COUNTS = ("tensor_parallel", "pipeline_parallel", "data_parallel", "context_length")


class _Match(Struct, frozen=True):
    family: str
    runtime: str | None
    command: Command | None = None
    all: tuple[Command, ...] = ()


def recognise(container: Container, scripts: Mapping[str, str], spend: Callable[[int], None]) -> None:
    """Fill in ``runtime``, ``gpu_build`` and ``serving`` of a container; ``scripts`` are files that it can run.

    ``spend`` is told the length of each script that is read.
    """
    data = runtimes()
    image = container.image.lower() if isinstance(container.image, str) else ""
    found = _recognised(image, list(commands(container.command, container.args, scripts, spend)))
    container.runtime = found.runtime
    if found.runtime is None:
        return
    entry = data[found.family][found.runtime]
    if found.family == "serving":
        container.gpu_build = _gpu_build(data, entry, image)
        container.serving = _serving(found, container)
        if not container.port_numbers and entry.get("port"):
            container.port_numbers = [entry["port"]]
    elif found.family == "notebook" and not container.port_numbers:
        container.port_numbers = [8888]
    for field in ("processes", "nodes"):
        if field in entry:
            _read_count(field, entry[field], container, found.all)
    if "listens" in entry and _starts_by_itself(container, found, entry):
        container.listens = entry["port"]
        _read_count("listens", entry["listens"], container, () if found.command is None else (found.command,))


def _starts_by_itself(container: Container, found: _Match, entry: dict[str, Any]) -> bool:
    """Whether it is the engine that gets the arguments, and no file may say more than they do."""
    told = [word for word in found.command.words if isinstance(word, str)] if found.command is not None else []
    named = any(_names(" ".join(told), marker) for marker in entry["argv"])
    configured = any(word.partition("=")[0] in runtimes()["configured_by"] for word in told)
    return (named or not container.command) and not configured


def _read_count(field: str, said: dict[str, list[str]], container: Container, found: tuple[Command, ...]) -> None:
    """How many processes a launcher starts for each machine, or how many machines it waits for, where it is told."""
    for variable in container.env:
        if variable.name in said.get("environment", ()):
            setattr(container, field, _count(_environment(container)[variable.name]))
            container.sources[field] = variable.at
    environment = _environment(container)
    last = None
    for command in found:
        for number, word in enumerate(command.words):
            flag, inline = _split(word)
            if flag in said["flags"]:
                following = command.words[number + 1] if number + 1 < len(command.words) else None
                known = {**environment, **command.variables}
                setattr(container, field, _count(fill(following if inline is None else inline, known)))
                last = word
    if last is not None:
        container.sources[field] = _source(container, str(last))


def _count(value: Any) -> Any:
    """A number, or the least of a range such as ``2:4``."""
    return whole(value.partition(":")[0] if isinstance(value, str) else value)


def _split(word: Any) -> tuple[str, str | None]:
    """A flag as runtimes.yaml spells it, and the value that it is joined with."""
    if not isinstance(word, str) or not word.startswith("-"):
        return "", None
    flag, equals, inline = word.partition("=")
    return flag.replace("_", "-") if flag.startswith("--") else flag, inline if equals else None


def family_of(runtime: str | None) -> str | None:
    """serving, training or notebook for a runtime's name."""
    data = runtimes()
    return next((family for family in ("serving", "training", "notebook") if runtime in data[family]), None)


def _names(line: str, marker: str, before: str = "/") -> bool:
    """Whether ``marker`` stands in ``line`` as a word of its own, or behind a character of ``before``.

    Without a pattern, which would try every marker at every character of a line that may be megabytes long.
    """
    at = line.find(marker)
    while at >= 0:
        end = at + len(marker)
        following = line[end : end + 1]
        starts = at == 0 or line[at - 1] in before or line[at - 1].isspace()
        if starts and not (following.isalnum() or following in ("_", "-")):
            return True
        at = line.find(marker, at + 1)
    return False


def _recognised(image: str, found: list[Command]) -> _Match:
    data = runtimes()
    lines = [(" ".join(word for word in command.words if isinstance(word, str)), command) for command in found]
    everything = "\n".join(line for line, _ in lines)
    for family in ("serving", "training", "notebook"):
        # the surest first: scripts that are known by their name come last
        for name, entry in data[family].items():
            markers = [marker for marker in entry["argv"] if marker in everything]
            for line, command in lines if markers else ():
                # what starts with a flag goes to the program that the image starts
                if not line.startswith("-") and any(_names(line, marker) for marker in markers):
                    return _Match(family, name, command, tuple(found))
    # of a container that does something else, the image says only what else is in it
    others = [other for other in data["other_argv"] if other in everything]
    if any(IDLE & set(line.split()[:3]) or any(_names(line, other, "/.") for other in others) for line, _ in lines):
        return _Match("", None)
    if _is_client(image, data):
        return _Match("", None)
    # a command that starts a server has said so before: fake-news-sglang is no stand-in where it runs sglang serve
    stand_in = bool(_name_words(image) & set(data["stand_in_words"]))
    for family in ("notebook",) if stand_in else ("serving", "notebook"):
        for name, entry in runtimes()[family].items():
            if any(_marked(image, marker) for marker in entry.get("images", ())):
                return _Match(family, name, lines[-1][1] if lines else None, tuple(found))
    for line, command in lines if not stand_in else ():
        flags = {word.partition("=")[0] for word in line.split()}
        named = next((name for name, signs in data["flag_signs"].items() if flags & set(signs)), None)
        if named is not None:
            return _Match("serving", named, command, tuple(found))
    return _Match("", None)


def _marked(image: str, marker: str) -> bool:
    """Whether an image's name has a marker; one with ``/`` in front begins the image's own name, or is a folder."""
    if not marker.startswith("/"):
        return marker in image
    folder, slash, own = image.rpartition("/")
    return f"{slash}{own}".startswith(marker) or f"{marker}/" in f"/{folder}/"


def _is_client(image: str, data: dict[str, Any]) -> bool:
    return bool(_name_words(image) & set(data["client_words"])) or any(
        part.endswith(tuple(data["client_images"])) for part in re.split("[:@]", image)
    )


def _name_words(image: str) -> set[str]:
    """The words of an image's own name and of its tag."""
    return set(re.split(r"[-_.:@]", image.rpartition("/")[2]))


def _gpu_build(data: dict[str, Any], entry: dict[str, Any], image: str) -> bool | None:
    if any(marker in image for marker in data["cpu_image_markers"]):
        return False
    known_image = entry.get("gpu") and any(marker in image for marker in entry.get("gpu_images", entry["images"]))
    if known_image or any(marker in image for marker in data["gpu_image_markers"]):
        return True
    return None


def _serving(found: _Match, container: Container) -> Serving:
    serving = Serving(runtime=str(found.runtime), at=container.at)
    passed = _environment(container).get(runtimes()["serving"][serving.runtime].get("passthrough", ""))
    if isinstance(passed, str):
        read_flags(serving, Command(tuple(words(["sh", passed], [])), {}), container)
    if found.command is not None:
        read_flags(serving, found.command, container)
    for command in found.all:
        _positional(serving, command, container)
    _read_environment(serving, container)
    if found.command is not None:
        _leave_open(serving, found.command)
    image = _NIM_MODEL.search(container.image) if isinstance(container.image, str) else None
    if found.runtime == "nim" and image is not None and "model" not in serving.sources:
        serving.model = image[1]
        serving.sources["model"] = container.sources.get("image", container.at)
    return serving


def _environment(container: Container) -> dict[str, Any]:
    """Values by name; what a Secret or a ConfigMap outside the scan holds is unknown."""
    return {
        variable.name: variable.value
        if variable.value is not None and not variable.from_reference
        else variable.referred
        if variable.referred is not None
        else Unknown(f"{variable.name} comes from a Secret or ConfigMap", f"env {variable.name}")
        for variable in container.env
    }


def read_flags(serving: Serving, command: Command, container: Container) -> None:
    """Fill in what the flags of a command say to the runtime of ``serving``."""
    entry = runtimes()["serving"].get(serving.runtime, {})
    flags = {flag: field for field, names in entry.get("flags", {}).items() for flag in names}
    switches = entry.get("switches", {})
    known = {**_environment(container), **command.variables}
    argv = command.words
    found: dict[str, str] = {}
    for number, word in enumerate(argv):
        flag, inline = _split(word)
        following = argv[number + 1] if number + 1 < len(argv) else None
        if flag in switches:
            setattr(serving, switches[flag], (inline or "").lower() not in ("false", "0"))
            found[switches[flag]] = str(word)
        elif flag in flags and _assign(serving, flags[flag], fill(following if inline is None else inline, known)):
            found[flags[flag]] = str(word)
    # only the last flag of a field counts, and looking for its place goes through all arguments
    serving.sources.update({field: _source(container, word) for field, word in found.items()})


def _leave_open(serving: Serving, command: Command) -> None:
    """What no flag says is unknown where a flag names a configuration that may say it."""
    data = runtimes()
    words = [word.partition("=")[0] for word in command.words if isinstance(word, str)]
    named = next((word for word in words if word in data["configured_by"]), None)
    if named is not None:
        for field in data["configurable"]:
            if field not in serving.sources:
                setattr(serving, field, Unknown(f"the configuration of {named} may set it", named))


def _positional(serving: Serving, command: Command, container: Container) -> None:
    """The model where it follows the words that start the server."""
    argv = command.words
    if "model" in serving.sources:
        return
    for phrase in runtimes()["serving"].get(serving.runtime, {}).get("positional", ()):
        parts = phrase.split()
        for number in range(len(argv) - len(parts)):
            start = argv[number : number + len(parts)]
            heads = [word.rpartition("/")[2] if isinstance(word, str) else word for word in start]
            word = argv[number + len(parts)]
            if heads == parts and not (isinstance(word, str) and word.startswith("-")):
                known = {**_environment(container), **command.variables}
                if _assign(serving, "model", fill(word, known)):
                    serving.sources["model"] = _source(container, word if isinstance(word, str) else parts[-1])
                return


def _read_environment(serving: Serving, container: Container) -> None:
    """Fill in what variables say that the command line does not."""
    entry = runtimes()["serving"].get(serving.runtime, {})
    fields = {name: field for field, names in entry.get("environment", {}).items() for name in names}
    switches = entry.get("environment_switches", {})
    known = _environment(container)
    for variable in container.env:
        value = known[variable.name]
        field = fields.get(variable.name)
        if field is not None and field not in serving.sources and _assign(serving, field, value):
            serving.sources[field] = variable.at
        if variable.name in switches and str(value).lower() in ("true", "1"):
            setattr(serving, switches[variable.name], True)
            serving.sources[switches[variable.name]] = variable.at


def _assign(serving: Serving, field: str, value: Any) -> bool:
    """Fill in a field; whether the value is one that it can have."""
    if field in _COUNTS:
        value = _tokens(value) if field == "context_length" else whole(value)
        if value is None:
            return False
    if field == "gpu_memory_utilization" and isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return False
    if field == "model" and isinstance(value, str):
        value = value.removeprefix("hf://")
    value = settled(value)
    if value is None:
        return False
    setattr(serving, field, value)
    return True


def _tokens(value: Any) -> Any:
    """A number of tokens; vLLM also reads ``32k`` (thousands) and ``32K`` (1,024 each)."""
    text = value.strip() if isinstance(value, str) else ""
    unit = {"k": 1000, "K": 1024}.get(text[-1:])
    number = whole(text[:-1] if unit else value)
    return number * unit if unit and isinstance(number, int) else number


def _source(container: Container, word: str) -> Path:
    """The path of the args or command item that holds ``word``."""
    for field, items in (("args", container.args), ("command", container.command)):
        for number, item in enumerate(items):
            if isinstance(item, str) and (item == word or word in item):
                return (*container.at, field, number)
    return container.at
