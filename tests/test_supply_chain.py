"""The bill of materials and the audit of our own dependencies."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REPOSITORY = Path(__file__).parent.parent


def needed(name: str, extra: str = "", found: set[str] | None = None) -> set[str]:
    """What an installation without extras needs on this machine, by the markers of the packages' own metadata."""
    found = set() if found is None else found
    key = str(canonicalize_name(name))
    if key in found and not extra:
        return found
    found.add(key)
    for text in distribution(name).requires or ():
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
            for wanted in ("", *requirement.extras):
                needed(requirement.name, wanted, found)
    return found


@pytest.fixture(scope="module")
def bill() -> Any:
    command = [sys.executable, str(REPOSITORY / ".ci" / "sbom")]
    runs = [subprocess.run(command, check=True, capture_output=True, text=True).stdout for _ in range(2)]
    assert runs[0] == runs[1]
    return json.loads(runs[0])


def test_the_bill_of_materials_lists_what_an_installation_needs_and_no_more(bill: Any) -> None:
    listed = [item["name"] for item in bill["components"]]
    assert listed == sorted(needed("kilter") - {"kilter"})
    assert len(listed) >= 10
    for item in (bill["metadata"]["component"], *bill["components"]):
        assert item["version"] == distribution(item["name"]).version
        assert item["purl"] == item["bom-ref"] == f"pkg:pypi/{item['name']}@{item['version']}"


def test_the_bill_of_materials_has_the_fields_of_cyclonedx(bill: Any) -> None:
    """The rules of CycloneDX 1.6 that concern what the bill uses."""
    assert (bill["bomFormat"], bill["specVersion"], bill["version"]) == ("CycloneDX", "1.6", 1)
    assert bill.keys() == {"bomFormat", "specVersion", "version", "metadata", "components"}
    parts = [bill["metadata"]["component"], *bill["components"]]
    assert [part["type"] for part in parts] == ["application", *["library"] * len(bill["components"])]
    assert len({part["bom-ref"] for part in parts}) == len(parts)
    for part in parts:
        assert part.keys() <= {"type", "bom-ref", "name", "version", "purl", "licenses"}
        assert all(licence.keys() == {"license"} and licence["license"]["name"] for licence in part.get("licenses", []))


AUDIT = """\
#!/bin/sh
case "$*" in *"--vulnerability-service pypi"*) service=pypi ;; *) service=osv ;; esac
echo "$service" >>"$ASKED"
case "$*" in *--strict*) ;; *) echo "not strict" >&2; exit 9 ;; esac
eval "answer=\\$ANSWER_$service"
case "$answer" in
  clean) exit 0 ;;
  vulnerable) printf 'Name Version ID Fix Versions\\n---- --\\nclick 1 CVE-1 2\\n'; exit 1 ;;
  *) echo "ERROR: no answer" >&2; exit 1 ;;
esac
"""
PYTHON = """\
#!/bin/sh
# stands for python3 -m venv DIRECTORY
mkdir -p "$3/bin"
printf '#!/bin/sh\\nexit %s\\n' "$INSTALLS" >"$3/bin/pip"
cp "$AUDITOR" "$3/bin/pip-audit"
chmod +x "$3/bin/pip" "$3/bin/pip-audit"
"""


@pytest.mark.parametrize(
    ("pypi", "osv", "installs", "status", "asked"),
    [
        ("clean", "silent", 0, 0, ["pypi"]),
        ("silent", "clean", 0, 0, ["pypi", "osv"]),
        ("vulnerable", "clean", 0, 1, ["pypi"]),
        ("silent", "vulnerable", 0, 1, ["pypi", "osv"]),
        ("silent", "silent", 0, 2, ["pypi", "osv"]),
        ("clean", "clean", 1, 2, []),
    ],
)
def test_the_audit_says_whether_anything_is_known_and_whether_anybody_answered(
    pypi: str, osv: str, installs: int, status: int, asked: list[str], tmp_path: Path
) -> None:
    work = tmp_path / "work" / ".ci"
    work.mkdir(parents=True)
    for name in ("audit", "requirements.lock"):
        shutil.copy(REPOSITORY / ".ci" / name, work)
    programs = tmp_path / "programs"
    programs.mkdir()
    for place, text in ((programs / "python3", PYTHON), (tmp_path / "auditor", AUDIT)):
        place.write_text(text)
        place.chmod(0o755)
    told = {"ANSWER_pypi": pypi, "ANSWER_osv": osv, "INSTALLS": str(installs), "AUDITOR": str(tmp_path / "auditor")}
    environment = (
        os.environ
        | told
        | {
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "ASKED": str(tmp_path / "asked"),
        }
    )
    ended = subprocess.run([work / "audit"], env=environment, check=False, capture_output=True, text=True)
    assert ended.returncode == status, ended.stdout + ended.stderr
    assert ((tmp_path / "asked").read_text().split() if asked else []) == asked
    assert ("CVE-1" in ended.stdout) == (status == 1)
    assert ("not audited" in ended.stdout) == (status == 2)
