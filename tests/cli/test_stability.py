"""What must not matter does not: unrelated modules, names of modules, the order of files and blocks, the run."""

import os
import random
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from scanner.scan import ScanOptions, scan

STACKS = Path(__file__).parent.parent.parent / "fixtures" / "stacks"
MODULE = 'variable "names" { type = list(string) }\nresource "aws_sqs_queue" "q" {\n  count = length(var.names)\n}\n'
CALL = 'module "unrelated" {\n  source = "./unrelated"\n  names  = ["a", "b"]\n}\n'
NESTED = """
module "serving" {
  source    = "./serving"
  instances = { a = "ml.g5.12xlarge", b = "ml.g6.12xlarge" }
}
"""
SERVING = """
variable "instances" { type = map(string) }

resource "aws_sagemaker_endpoint_configuration" "llm" {
  for_each = var.instances
  name     = each.key
  production_variants {
    variant_name           = "main"
    model_name             = "llm"
    initial_instance_count = 1
    instance_type          = each.value
  }
}

resource "aws_sagemaker_endpoint" "llm" {
  for_each             = var.instances
  name                 = each.key
  endpoint_config_name = aws_sagemaker_endpoint_configuration.llm[each.key].name
}

resource "aws_sagemaker_notebook_instance" "nb" {
  name          = "nb"
  role_arn      = "arn:aws:iam::111122223333:role/nb"
  instance_type = "ml.g5.xlarge"
}
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    place = tmp_path / "stack"
    (place / "serving").mkdir(parents=True)
    (place / "main.tf").write_text(NESTED)
    (place / "serving" / "main.tf").write_text(SERVING)
    shutil.copy(STACKS / "example" / "terraform" / "main.tf", place / "infrastructure.tf")
    return place


def findings(root: Path) -> Counter[tuple[str, str, str]]:
    result = scan([root], ScanOptions(pedantic=True))
    assert [item for item in result.diagnostics if item.level == "error"] == []
    return Counter((item.rule, item.resource.address, item.message) for item in result.findings)


def test_an_unrelated_module_changes_no_finding(root: Path) -> None:
    before = findings(root)
    assert len(before) > 8
    (root / "unrelated").mkdir()
    (root / "unrelated" / "main.tf").write_text(MODULE)
    (root / "zz.tf").write_text(CALL)
    assert findings(root) == before


def test_renaming_a_module_changes_its_address_only(root: Path) -> None:
    before = findings(root)
    (root / "main.tf").write_text(NESTED.replace('module "serving"', 'module "inference"'))

    def renamed(text: str) -> str:
        return text.replace("module.serving", "module.inference")

    assert findings(root) == Counter({(r, renamed(a), renamed(m)): n for (r, a, m), n in before.items()})


@pytest.mark.parametrize("seed", range(5))
def test_the_order_and_the_names_of_files_and_blocks_change_no_finding(root: Path, seed: int) -> None:
    before = findings(root)
    choose = random.Random(seed)
    for directory in (root, root / "serving"):
        text = "\n".join(path.read_text() for path in sorted(directory.glob("*.tf")))
        blocks = re.findall(r"^\w[^\n]*(?:\{\n.*?^\}|\})$", text, flags=re.MULTILINE | re.DOTALL)
        assert len(blocks) >= 3
        choose.shuffle(blocks)
        for path in directory.glob("*.tf"):
            path.unlink()
        files: dict[str, list[str]] = {}
        for block in blocks:
            files.setdefault(f"{choose.choice('abc')}{seed}.tf", []).append(block)
        for name, parts in files.items():
            (directory / name).write_text("\n\n".join(parts) + "\n")
    assert findings(root) == before


@pytest.mark.parametrize("output", ["json", "sarif", "text", "html"])
def test_two_runs_print_the_same_bytes(output: str) -> None:
    command = [sys.executable, "-c", "from scanner.cli import main; main()", "scan", str(STACKS / "example")]
    runs = {
        subprocess.run(
            [*command, "--exit-zero", "--no-cache", "--format", output],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            timeout=120,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(runs) == 1
