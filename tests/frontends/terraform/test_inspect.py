"""What the expression under a cursor comes to."""

from pathlib import Path

import pytest
from repositories import write

from scanner.core import Unknown
from scanner.frontends.terraform import TerraformOptions
from scanner.frontends.terraform.inspect import ValueAt, values_at
from scanner.project.tree import Tree

ROOT = """locals {
  pools = { a = 3 }
  more  = local.pools.a + 1
}
variable "unset" {}
module "m" {
  source = "./m"
  size   = local.more
}
resource "aws_s3_bucket" "b" {
  bucket = var.unset
  dynamic "rule" {
    for_each = local.pools
    content { days = rule.value }
  }
}
"""
MODULE = """variable "size" {
  type    = number
  default = 1
}
resource "aws_instance" "x" {
  for_each      = toset(["a", "b"])
  instance_type = "p4d.${var.size}xlarge"
  tags          = { Name = "${each.key}-x", Loud = join(",", [for s in ["q"] : upper(s)]) }
}
"""


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    write(tmp_path, {"main.tf": ROOT, "m/main.tf": MODULE})
    return Tree(tmp_path)


def at(tree: Tree, file: str, text: str, into: int = 0) -> list[ValueAt]:
    """The values at the first place where a text stands in a file."""
    source = tree.read(file).text
    offset = source.index(text) + into
    line = source.count("\n", 0, offset) + 1
    column = offset - (source.rfind("\n", 0, offset) + 1) + 1
    return values_at(tree, [""], TerraformOptions(), file, line, column)


def test_a_reference_has_its_value_and_a_name_that_of_its_expression(tree: Tree) -> None:
    (value,) = at(tree, "main.tf", "local.pools.a", into=8)
    assert (value.expression, value.value) == ("local.pools", {"a": 3})
    (value,) = at(tree, "main.tf", "local.pools.a +", into=12)
    assert (value.expression, value.value) == ("local.pools.a", 3)
    (value,) = at(tree, "main.tf", "more  =")
    assert (value.expression, value.value, value.within) == ("local.pools.a + 1", 4, "")


def test_every_instance_has_its_own_value(tree: Tree) -> None:
    found = at(tree, "m/main.tf", "each.key", into=6)
    assert [(item.within, item.value) for item in found] == [
        ('module.m.aws_instance.x["a"]', "a"),
        ('module.m.aws_instance.x["b"]', "b"),
    ]


def test_a_module_is_looked_at_as_it_is_called(tree: Tree) -> None:
    assert {item.value for item in at(tree, "m/main.tf", "instance_type")} == {"p4d.4xlarge"}
    (declared,) = at(tree, "m/main.tf", "default")
    assert (declared.expression, declared.within, declared.value) == ("var.size", "module.m", 4)


def test_what_is_not_known_says_why(tree: Tree) -> None:
    (value,) = at(tree, "main.tf", "var.unset", into=5)
    assert isinstance(value.value, Unknown) and "has no value" in value.value.reason


def test_names_that_only_a_for_binds_stand_for_the_whole_for(tree: Tree) -> None:
    found = at(tree, "m/main.tf", "upper(s)", into=6)
    assert {(item.expression, str(item.value)) for item in found} == {('[for s in ["q"] : upper(s)]', "['Q']")}


@pytest.mark.parametrize("text", ['"./m"', "3 }", "{ a", "days", 'module "m"'])
def test_what_can_be_read_off_the_source_has_nothing_to_tell(tree: Tree, text: str) -> None:
    assert at(tree, "main.tf", text) == []


def test_a_place_outside_every_block_has_no_value(tree: Tree) -> None:
    assert values_at(tree, [""], TerraformOptions(), "main.tf", 500, 9) == []
    assert values_at(tree, [""], TerraformOptions(), "other.tf", 1, 1) == []


def test_what_terraform_hides_is_not_shown(tmp_path: Path) -> None:
    text = 'variable "token" {\n  sensitive = true\n  default   = "s3cret"\n}\n'
    text += 'locals {\n  header = "Bearer ${var.token}"\n}\n'
    write(tmp_path, {"main.tf": text})
    tree = Tree(tmp_path)
    found = [*at(tree, "main.tf", "header"), *at(tree, "main.tf", "var.token", into=5), *at(tree, "main.tf", "default")]
    assert [item.value for item in found] == ["(sensitive value)"] * 3
