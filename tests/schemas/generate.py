"""Writes the lists of attributes terraform-*.json from the typed bindings of the Terraform providers.

    python tests/schemas/generate.py DIRECTORY

DIRECTORY holds the unpacked npm packages @cdktf/provider-aws, -google, -google-beta and -azurerm as aws/, google/,
google-beta/ and azurerm/; the list of a provider whose packages are missing stays as it is. Only the types that rules,
readers and fixtures name are kept: attributes as "", nested blocks as maps.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
REPOSITORY = HERE.parent.parent
INTERFACE = re.compile(r"export interface (\w+)(?: extends [^{]+)? \{\n(.*?)\n\}", re.DOTALL)
FIELD = re.compile(r"readonly (\w+)\??: ([^;]+);")
ATTRIBUTE = re.compile(r"\{@link \S+#(\w+) ")
TYPE = re.compile(r"\b((?:aws|google|azurerm)_[a-z0-9_]+[a-z0-9])\b")


def used_types() -> set[str]:
    """Every resource type that a rule, a reader or a fixture names, IAM types of known resources included."""
    from scanner.concepts.clouds import aws, azure, gcp

    readers = {**aws.READERS, **gcp.READERS, **azure.READERS}
    names = {name for name in readers if name.startswith(("aws_", "google_", "azurerm_"))}
    globs = ("rules/*/*.yaml", "scanner/facts/*.yaml", "fixtures/rules/*/*/*.tf", "fixtures/stacks/*/*/*.tf")
    places = [path for pattern in globs for path in REPOSITORY.glob(pattern)]
    for path in places:
        names.update(TYPE.findall(path.read_text("utf-8")))
    return names


def schema_of(folder: Path) -> dict[str, Any]:
    """The attributes of the resource whose bindings are in ``folder``."""
    text = "\n".join(path.read_text("utf-8") for path in sorted(folder.rglob("*.d.ts")))
    interfaces = {match[1]: _fields(match[2]) for match in INTERFACE.finditer(text)}
    root = re.search(r"export interface (\w+Config) extends cdktf\.TerraformMetaArguments", text)
    return _tree(interfaces, root[1], 0) if root else {}


def _fields(body: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in body.split("/**"):
        field, link = FIELD.search(part), ATTRIBUTE.search(part)
        if field:
            found[link[1] if link else re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", field[1]).lower()] = field[2]
    return found


def _tree(interfaces: dict[str, dict[str, str]], name: str, depth: int) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for attribute, kind in interfaces[name].items():
        if attribute in ("timeouts", "id"):
            continue
        inner = next((word for word in re.findall(r"\w+", kind) if word in interfaces), None)
        result[attribute] = _tree(interfaces, inner, depth + 1) if inner and depth < 10 else ""
    return result


def main() -> None:
    """Write the files of the providers whose packages are there."""
    packages = Path(sys.argv[1])
    for provider, names in (("aws", ["aws"]), ("google", ["google", "google-beta"]), ("azurerm", ["azurerm"])):
        if not all((packages / package).is_dir() for package in names):
            continue
        schemas: dict[str, Any] = {}
        for package in names:
            library = packages / package / "package" / "lib"
            for name in sorted(used_types()):
                folder = library / name.removeprefix(f"{provider}_").replace("_", "-")
                beta = library / name.replace("_", "-")
                place = next((path for path in (folder, beta) if path.is_dir()), None)
                if name.startswith(f"{provider}_") and place is not None and name not in schemas:
                    schemas[name] = schema_of(place)
        text = json.dumps(dict(sorted(schemas.items())), separators=(",", ":"), sort_keys=True)
        (HERE / f"terraform-{provider}.json").write_text(text.replace('},"' + provider, '},\n"' + provider) + "\n")


if __name__ == "__main__":
    main()
