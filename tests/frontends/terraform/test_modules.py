# ruff: noqa: E501
import json
from pathlib import Path
from typing import Any

from scanner.core import is_unknown
from scanner.frontends.terraform import TerraformOptions, evaluate_expressions, read_root, root_modules
from scanner.project.tree import Tree


def root(tmp_path: Path, **options: Any) -> Any:
    return read_root(Tree(tmp_path), "", TerraformOptions(**options))


def write(tmp_path: Path, **files: str) -> None:
    for name, text in files.items():
        path = tmp_path / name.replace("__", "/").replace("_tf", ".tf")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def addresses(parsed: Any) -> list[str]:
    return [resource.address for resource in parsed.resources]


def test_count_for_each_and_zero_instances(tmp_path: Path) -> None:
    write(
        tmp_path,
        main_tf="""
        resource "null_resource" "two" { count = 2 }
        resource "null_resource" "none" { count = 0 }
        resource "null_resource" "each" {
          for_each = { a = 1, b = 2 }
          triggers = { value = each.value, key = each.key }
        }
        variable "n" {}
        resource "null_resource" "unknown" { count = var.n }
        """,
    )
    parsed = root(tmp_path)
    assert addresses(parsed) == [
        "null_resource.two[0]",
        "null_resource.two[1]",
        'null_resource.each["a"]',
        'null_resource.each["b"]',
        "null_resource.unknown",
    ]
    assert parsed.resources[3].attributes == {"triggers": {"value": 2, "key": "b"}}


def test_variables_have_terraforms_precedence(tmp_path: Path) -> None:
    write(tmp_path, main_tf='variable "a" { default = "default" }\nresource "x_y" "z" { a = var.a }\n')

    def value(**options: Any) -> Any:
        return root(tmp_path, **options).resources[0].attributes["a"]

    assert value() == "default"
    assert value(environment={"TF_VAR_a": "environment"}) == "environment"
    (tmp_path / "terraform.tfvars").write_text('a = "tfvars"')
    assert value(environment={"TF_VAR_a": "environment"}) == "tfvars"
    (tmp_path / "z.auto.tfvars").write_text('a = "auto"')
    assert value() == "auto"
    (tmp_path / "prod.hcl").write_text('a = "file"')
    assert value(var_files=("prod.hcl",)) == "file"
    assert value(var_files=("prod.hcl",), variables={"a": "option"}) == "option"


def test_unset_variables_and_computed_attributes_are_unknown_with_a_cause(tmp_path: Path) -> None:
    write(
        tmp_path,
        main_tf='variable "a" {}\nresource "x_y" "z" {\n  a = var.a\n  b = "p-${var.a}"\n  c = x_y.other.id\n  d = null\n}\n'
        'resource "x_y" "other" { name = "known" }\n',
    )
    attributes = root(tmp_path).resources[0].attributes
    assert attributes["a"].source == "var.a"
    assert is_unknown(attributes["b"])
    assert attributes["c"].source == "x_y.other.id"
    assert attributes["d"] is None
    assert "e" not in attributes


MODULES = {
    "main_tf": """
module "pool" {
  source   = "./pool"
  for_each = toset(["a", "b"])
  machines = ["g5.xlarge"]
}
resource "x_user" "u" { name = module.pool["a"].name }
""",
    "pool__main_tf": """
variable "machines" {}
resource "x_pool" "this" {
  types = var.machines
  dynamic "taint" {
    for_each = ["gpu"]
    iterator = t
    content { key = t.value }
  }
}
output "name" { value = "pool-${length(var.machines)}" }
""",
}


def test_module_instances_outputs_and_dynamic_blocks(tmp_path: Path) -> None:
    write(tmp_path, **MODULES)
    parsed = root(tmp_path)
    by_address = {resource.address: resource for resource in parsed.resources}
    assert by_address["x_user.u"].attributes == {"name": "pool-1"}
    pool = by_address['module.pool["b"].x_pool.this']
    assert pool.attributes == {"types": ["g5.xlarge"], "taint": [{"key": "gpu"}]}
    assert root_modules(Tree(tmp_path), ["", "pool"]) == [""]


def test_a_place_inside_a_module_is_the_callers_argument(tmp_path: Path) -> None:
    write(tmp_path, **MODULES)
    pool = next(r for r in root(tmp_path).resources if r.type == "x_pool")
    location = pool.locate(("types",))
    assert (location.span.file, location.span.start_line) == ("main.tf", 5)
    assert [item.span.file for item in location.related] == ["pool/main.tf", "main.tf"]
    assert pool.locate(("taint", 0, "key")).span.file == "pool/main.tf"


def test_a_module_call_whose_name_terraform_refuses_still_leads_to_its_caller(tmp_path: Path) -> None:
    write(tmp_path, main_tf='module "[a[" {\n  source = "./a"\n}\n', a__main_tf='resource "x_user" "u" {}\n')
    (user,) = root(tmp_path).resources
    assert [(item.span.file, item.message) for item in user.locate().related] == [
        ("main.tf", "module '[a[' is called here")
    ]


def test_references_go_through_locals_and_module_outputs(tmp_path: Path) -> None:
    write(
        tmp_path,
        main_tf='module "m" { source = "./m" }\nlocals { id = module.m.id }\nresource "x_a" "a" { b = "${local.id}" }\n',
        m__main_tf='resource "x_b" "b" {}\noutput "id" { value = x_b.b.id }\n',
    )
    resource = next(r for r in root(tmp_path).resources if r.type == "x_a")
    assert resource.references == ((("b",), "module.m.x_b.b"),)


def test_cycles_and_bad_expressions_cost_only_themselves(tmp_path: Path) -> None:
    write(
        tmp_path,
        main_tf="locals {\n  a = local.b\n  b = local.a\n}\n"
        'resource "x_y" "z" {\n  a = local.a\n  b = nope(1)\n  c = 1 + 1\n}\nmodule "self" { source = "./" }\n',
    )
    parsed = root(tmp_path)
    attributes = parsed.resources[0].attributes
    assert is_unknown(attributes["a"])
    assert is_unknown(attributes["b"])
    assert attributes["c"] == 2
    assert {item.code for item in parsed.diagnostics} == {"terraform-cycle", "terraform-expression", "module-cycle"}


def test_a_broken_block_leaves_the_others(tmp_path: Path) -> None:
    write(
        tmp_path,
        main_tf='resource "x_y" "a" { b = 1 }\nresource "x_y" "c" {\n  d = = 2\n}\nresource "x_y" "e" { f = 3 }\n',
    )
    parsed = root(tmp_path)
    assert {"x_y.a", "x_y.e"} <= set(addresses(parsed))
    assert [(item.code, item.span.start_line) for item in parsed.diagnostics] == [("terraform-syntax", 3)]


def test_files_outside_the_scanned_directory_are_never_read(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "link").symlink_to(tmp_path / "secret.txt")
    (inside / "main.tf").write_text(
        'resource "x_y" "z" {\n  a = file("../secret.txt")\n  b = file("link")\n  c = file("main.tf")\n}\n'
    )
    attributes = read_root(Tree(inside), "", TerraformOptions()).resources[0].attributes
    assert is_unknown(attributes["a"])
    assert is_unknown(attributes["b"])
    assert attributes["c"].startswith("resource")


def test_expansion_is_bounded(tmp_path: Path) -> None:
    write(
        tmp_path, main_tf='resource "x_y" "z" {\n  count = 1000000000\n  a = setproduct(range(1000), range(1000))\n}\n'
    )
    parsed = root(tmp_path)
    assert len(parsed.resources) == 5_000
    assert {item.code for item in parsed.diagnostics} == {"expansion-limit", "terraform-limit"}


def test_a_hundred_chained_locals_are_evaluated_once(tmp_path: Path) -> None:
    chain = "\n".join(f"l{n} = [local.l{n - 1}[0] + local.l{n - 1}[0]]" for n in range(1, 101))
    write(tmp_path, main_tf=f'locals {{\nl0 = [1]\n{chain}\n}}\nresource "x_y" "z" {{ a = local.l100[0] }}\n')
    assert root(tmp_path).resources[0].attributes["a"] == 2**100


def test_an_unrelated_module_changes_nothing(tmp_path: Path) -> None:
    write(tmp_path, **MODULES)
    before = [(r.address, repr(r.attributes)) for r in root(tmp_path).resources]
    write(
        tmp_path,
        a_first_tf='module "extra" {\n  source = "./extra"\n}\n',
        extra__main_tf='variable "q" {}\nresource "x_q" "q" { q = var.q }\n',
    )
    after = [(r.address, repr(r.attributes)) for r in root(tmp_path).resources]
    assert [item for item in after if not item[0].startswith("module.extra")] == before


def test_resources_and_modules_with_instances_are_collections(tmp_path: Path) -> None:
    write(
        tmp_path,
        main_tf="""
        module "pool" {
          source   = "./m"
          for_each = { a = "g5", b = "g6" }
          kind     = each.value
        }
        module "net" {
          source = "./m"
          count  = 2
          kind   = count.index
        }
        locals {
          names = { for key, pool in module.pool : key => "${pool.name}-x" }
          none  = length(x_y.none)
        }
        resource "x_y" "none" { count = 0 }
        resource "x_y" "each" {
          for_each = toset([for name in values(local.names) : upper(name)])
          name     = each.key
        }
        resource "x_y" "chained" {
          for_each = x_y.each
          name     = each.value.name
          id       = each.value.id
          known    = each.value != null
        }
        """,
        m__main_tf="""
        variable "kind" {}
        resource "x_y" "inner" { kind = var.kind }
        output "name" { value = "n-${var.kind}" }
        output "id" { value = x_y.inner.id }
        """,
    )
    scope = {
        resource.address: resource.attributes
        for resource in root(tmp_path).resources
        if "module" not in resource.address
    }
    assert list(scope) == ['x_y.each["N-G5-X"]', 'x_y.each["N-G6-X"]', 'x_y.chained["N-G5-X"]', 'x_y.chained["N-G6-X"]']
    chained = scope['x_y.chained["N-G5-X"]']
    assert chained["name"] == "N-G5-X"
    assert chained["known"] is True
    assert is_unknown(chained["id"])
    texts = [
        "local.names",
        "local.none",
        "keys(module.pool)",
        "module.net[*].name",
        "module.net[1]",
        "x_y.none",
        "module.net[2]",
    ]
    results = evaluate_expressions(Tree(tmp_path), "", TerraformOptions(), texts)
    assert [result.get("value") for result in results[:4]] == [
        {"a": "n-g5-x", "b": "n-g6-x"},
        0,
        ["a", "b"],
        ["n-0", "n-1"],
    ]
    assert results[4]["value"]["name"] == "n-1"
    assert is_unknown(results[4]["value"]["id"])
    assert results[5] == {"value": []}
    assert "outside the list" in results[6]["error"]


def test_what_terraform_makes_no_instances_for_is_reported_and_stays_unknown(tmp_path: Path) -> None:
    write(
        tmp_path,
        main_tf="""
        variable "names" { default = ["a", "b"] }
        variable "kept" {
          type    = set(string)
          default = ["a", "b"]
        }
        resource "x_y" "literal" { for_each = ["a", "b"] }
        resource "x_y" "listed" { for_each = keys({ a = 1 }) }
        resource "x_y" "variable" { for_each = var.names }
        resource "x_y" "numbers" { for_each = toset([1, 2]) }
        resource "x_y" "null" { for_each = null }
        resource "x_y" "counted" { count = 2 }
        resource "x_y" "numbered" { for_each = x_y.counted }
        resource "x_y" "block" {
          dynamic "part" {
            for_each = null
            content {}
          }
        }
        resource "x_y" "kept" { for_each = var.kept }
        resource "x_y" "lists" { names = ["a", "b"] }
        resource "x_y" "attribute" { for_each = x_y.lists.names }
        """,
    )
    parsed = root(tmp_path)
    refused = ["literal", "listed", "variable", "numbers", "null", "numbered"]
    assert [item.code for item in parsed.diagnostics] == ["terraform-for-each"] * (len(refused) + 1)
    assert {f"x_y.{name}" for name in refused} <= set(addresses(parsed))
    assert {'x_y.kept["a"]', 'x_y.attribute["b"]'} <= set(addresses(parsed))
    assert is_unknown(next(item for item in parsed.resources if item.name == "block").attributes["part"])
    assert "toset()" in parsed.diagnostics[0].message


def test_what_an_unknown_is_made_of_does_not_decide_for_each(tmp_path: Path) -> None:
    write(
        tmp_path,
        main_tf="""
        resource "x_y" "a" { for_each = toset(["k"]) }
        resource "x_y" "b" { for_each = toset([jsondecode(x_y.a["k"].text).name]) }
        resource "x_y" "c" {
          name = jsondecode(x_y.d).name
          self = x_y.c
        }
        resource "x_y" "d" { name = "d" }
        resource "x_y" "loop" { for_each = x_y.loop }
        """,
    )
    parsed = root(tmp_path)
    assert addresses(parsed) == ['x_y.a["k"]', "x_y.b", "x_y.c", "x_y.d", "x_y.loop"]
    assert is_unknown(parsed.resources[2].attributes["name"])


def test_a_tree_of_modules_has_the_outputs_that_terraform_gave_it() -> None:
    """``tree`` holds the configuration; ``answers.json`` expressions and the values that Terraform 1.11 applied."""
    tree = Path(__file__).parent / "tree"
    answers = json.loads((tree / "answers.json").read_text("utf-8"))
    found = evaluate_expressions(Tree(tree), "", TerraformOptions(), [expression for expression, _ in answers])
    wrong = [
        (expression, our, their)
        for (expression, their), our in zip(answers, found, strict=True)
        if our != {"value": their}
    ]
    assert wrong == []


def test_the_order_of_files_and_the_names_of_modules_change_no_resource(tmp_path: Path) -> None:
    def resources(directory: Path) -> set[tuple[str, str, str]]:
        return {(r.type, r.name, json.dumps(r.attributes, sort_keys=True)) for r in root(directory).resources}

    one, other = tmp_path / "one", tmp_path / "other"
    write(one, **MODULES)
    write(other, z__x_tf="", **{("z_last_tf" if name == "main_tf" else name): text for name, text in MODULES.items()})
    assert resources(one) == resources(other)
    renamed = tmp_path / "renamed"
    write(
        renamed,
        **{name.replace("pool", "fleet"): text.replace('"pool"', '"fleet"').replace("/pool", "/fleet")
           .replace("module.pool", "module.fleet") for name, text in MODULES.items()},
    )  # fmt: skip
    assert resources(one) == resources(renamed)


def test_the_same_input_gives_the_same_resources_in_the_same_order(tmp_path: Path) -> None:
    write(tmp_path, **MODULES)
    first, second = root(tmp_path), root(tmp_path)
    assert [(r.address, repr(r.attributes), r.span) for r in first.resources] == [
        (r.address, repr(r.attributes), r.span) for r in second.resources
    ]


def test_values_of_the_wrong_type_are_diagnostics_where_they_are_given(tmp_path: Path) -> None:
    write(
        tmp_path,
        main_tf="""
        variable "n" { type = number }
        variable "o" { type = object({ a = string, b = list(number) }) }
        resource "x_y" "z" {
          n = var.n
          o = var.o
          c = 1
        }
        resource "x_y" "many" { count = "several" }
        """,
    )
    (tmp_path / "terraform.tfvars").write_text('n = "many"\no = { a = 1, b = ["x"] }\n')
    parsed = root(tmp_path)
    assert is_unknown(parsed.resources[0].attributes["n"])
    assert is_unknown(parsed.resources[0].attributes["o"])
    assert parsed.resources[0].attributes["c"] == 1
    found = {(d.code, d.span.file, d.span.start_line) for d in parsed.diagnostics}
    assert found == {
        ("terraform-variable", "terraform.tfvars", 1),
        ("terraform-variable", "terraform.tfvars", 2),
        ("terraform-count", "main.tf", 9),
    }


def test_a_sensitive_value_stays_visible_and_is_known_to_be_sensitive(tmp_path: Path) -> None:
    write(
        tmp_path,
        main_tf='variable "s" {\n  default   = "x"\n  sensitive = true\n}\nlocals { t = "a-${var.s}" }\n'
        'module "m" {\n  source = "./m"\n  v = local.t\n}\n',
        m__main_tf='variable "v" {}\noutput "plain" { value = issensitive(var.v) }\n'
        'output "marked" {\n  value = var.v\n  sensitive = true\n}\n',
    )
    texts = ["local.t", "issensitive(local.t)", "issensitive(nonsensitive(local.t))", "module.m.plain",
             "issensitive(module.m.marked)", "issensitive(1)"]  # fmt: skip
    results = evaluate_expressions(Tree(tmp_path), "", TerraformOptions(), texts)
    assert [result["value"] for result in results] == ["a-x", True, False, True, True, False]


def test_blocks_that_create_nothing_are_read_and_cost_nothing(tmp_path: Path) -> None:
    write(
        tmp_path,
        main_tf="""
        terraform {
          required_version = ">= 1.5"
          backend "s3" { bucket = "b" }
        }
        moved {
          from = x_y.old
          to   = x_y.z
        }
        import {
          to = x_y.z
          id = "i"
        }
        removed {
          from = x_y.gone
          lifecycle { destroy = false }
        }
        check "c" {
          data "x_d" "d" { a = 1 }
          assert {
            condition     = data.x_d.d.ok
            error_message = "no"
          }
        }
        ephemeral "x_secret" "s" { name = "n" }
        resource "x_y" "z" { a = ephemeral.x_secret.s.value }
        """,
    )
    parsed = root(tmp_path)
    assert addresses(parsed) == ["x_y.z"]
    assert is_unknown(parsed.resources[0].attributes["a"])
    assert parsed.diagnostics == []


def test_overrides_tofu_files_and_modules_that_init_installed(tmp_path: Path) -> None:
    write(
        tmp_path,
        main_tf='resource "x_y" "a" {\n  b = 1\n  c = 2\n}\nmodule "remote" { source = "org/m/x" }\n',
        a_override_tf='resource "x_y" "a" { c = 3 }\n',
        both_tf='resource "x_y" "hidden" {}\n',
        downloaded__main_tf='resource "x_y" "inside" {}\n',
    )
    (tmp_path / "both.tofu").write_text('resource "x_y" "shown" {}\n')
    (tmp_path / ".terraform/modules").mkdir(parents=True)
    (tmp_path / ".terraform/modules/modules.json").write_text(
        json.dumps({"Modules": [{"Key": "", "Dir": "."}, {"Key": "remote", "Dir": "downloaded"}]})
    )
    parsed = root(tmp_path)
    assert set(addresses(parsed)) == {"x_y.a", "x_y.shown", "module.remote.x_y.inside"}
    assert next(r for r in parsed.resources if r.name == "a").attributes == {"b": 1, "c": 3}


def test_undeclared_names_are_reported_where_they_stand_and_a_fragment_once(tmp_path: Path) -> None:
    write(tmp_path, main_tf='resource "x_y" "a" {\n  b = local.typo\n  c = [var.other, 1]\n}\n')
    found = root(tmp_path).diagnostics
    assert [(item.code, item.span.start_line) for item in found] == [
        ("terraform-undeclared", 2),
        ("terraform-undeclared", 3),
    ]
    names = "".join(f"  v{number} = local.name{number}\n" for number in range(9))
    write(tmp_path, main_tf=f'resource "x_y" "a" {{\n{names}  d = 1 + "x"\n}}\n')
    parsed = root(tmp_path)
    assert [item.code for item in parsed.diagnostics] == ["terraform-expression", "terraform-undeclared"]
    assert "9 references lead nowhere" in parsed.diagnostics[1].message
    assert is_unknown(parsed.resources[0].attributes["v8"])
