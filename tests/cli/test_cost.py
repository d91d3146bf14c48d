"""``kilter cost`` on the bundled example."""

import json
from pathlib import Path

import jsonschema
from click.testing import CliRunner

from scanner.cli import cli

REPOSITORY = Path(__file__).parents[2]
EXAMPLE = str(REPOSITORY / "fixtures" / "stacks" / "example")
SCHEMA = json.loads((REPOSITORY / "schemas" / "cost.schema.json").read_text("utf-8"))


def test_the_table_has_amounts_places_and_sources() -> None:
    result = CliRunner().invoke(cli, ["cost", EXAMPLE])
    assert result.exit_code == 0
    for text in (
        "aws_eks_node_group.gpu (terraform/main.tf:8)",
        "= runs on gpu",
        "total USD a month",
        "List prices of",
    ):
        assert text in result.stdout


def test_the_json_keeps_its_schema(tmp_path: Path) -> None:
    target = tmp_path / "cost.json"
    result = CliRunner().invoke(cli, ["cost", EXAMPLE, "--format", "json", "-o", str(target)])
    assert (result.exit_code, result.stdout) == (0, "")
    document = json.loads(target.read_text("utf-8"))
    jsonschema.validate(document, SCHEMA)
    assert document["total"]["floor"] > 0


def test_variables_decide_sizes(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text(
        """
variable "nodes" {}
resource "aws_eks_node_group" "gpu" {
  instance_types = ["g5.xlarge"]
  scaling_config {
    min_size = var.nodes
    max_size = var.nodes
  }
}
""",
        "utf-8",
    )
    floors = []
    for nodes in ("1", "2"):
        result = CliRunner().invoke(cli, ["cost", str(tmp_path), "--format", "json", "--var", f"nodes={nodes}"])
        floors.append(json.loads(result.stdout)["total"]["floor"])
    assert floors[1] == 2 * floors[0] > 0


def test_nothing_to_price_is_said(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, ["cost", str(tmp_path)])
    assert result.exit_code == 0
    assert result.stdout.startswith("No accelerator pools")


def test_a_path_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, ["cost", str(tmp_path / "missing")])
    assert result.exit_code == 2
    assert "no such file or directory" in result.stderr
