import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from repositories import BUCKET, FLOATING, MODEL, commit, repository, write
from ruamel.yaml import YAML

from scanner.cli import cli

REPOSITORY = Path(__file__).parents[2]
NOTEBOOK = (
    'variable "access" { type = string }\nresource "aws_sagemaker_notebook_instance" "n" {\n  name = "n"\n'
    '  role_arn = "r"\n  instance_type = "ml.t3.medium"\n  subnet_id = "subnet-1"\n'
    "  direct_internet_access = var.access\n}\n"
)


def found(*arguments: str) -> list[str]:
    run = CliRunner().invoke(cli, ("scan", "--touched", "--format", "json", *arguments))
    assert run.exit_code in (0, 1), run.output
    return sorted({item["location"]["file"] for item in json.loads(run.stdout)["findings"]})


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    files = {
        "infra/prod/main.tf": 'module "n" {\n  source = "../modules/n"\n  access = var.access\n}\n'
        'variable "access" { type = string }\n',
        "infra/prod/terraform.tfvars": 'access = "Enabled"\n',
        "infra/dev/main.tf": 'module "n" {\n  source = "../modules/n"\n  access = "Enabled"\n}\n',
        "infra/other/main.tf": BUCKET.format(name="other"),
        "infra/modules/n/main.tf": NOTEBOOK,
        "apps/a.yaml": MODEL.format(name="a", image=FLOATING),
        "apps/b.yaml": MODEL.format(name="b", image=FLOATING),
    }
    root = repository(tmp_path, files)
    monkeypatch.chdir(root)
    return root


def test_a_variables_file_concerns_its_root_module(work: Path) -> None:
    assert found("infra/prod/terraform.tfvars") == ["infra/prod/terraform.tfvars"]


def test_variables_files_of_the_configuration_hold_wherever_the_change_is(work: Path) -> None:
    write(work, {".kilter.yaml": "var-files: [infra/prod/x.tfvars]\n", "infra/prod/x.tfvars": 'access = "Disabled"\n'})
    (work / "infra" / "prod" / "terraform.tfvars").unlink()
    assert found("--show-undetermined", "infra/prod/main.tf") == []
    write(work, {"infra/prod/x.tfvars": 'access = "Enabled"\n'})
    assert found("infra/prod/main.tf") == ["infra/prod/x.tfvars"]


def test_a_module_concerns_every_root_that_calls_it(work: Path) -> None:
    files = found("infra/modules/n/main.tf")
    assert "infra/other/main.tf" not in files
    assert not any(file.startswith("apps") for file in files)
    assert files == sorted({*found("infra/prod/main.tf"), *found("infra/dev/main.tf")})


def test_of_plain_manifests_only_the_files_themselves_count(work: Path) -> None:
    assert found("apps/a.yaml") == ["apps/a.yaml"]
    assert found("apps/a.yaml", "apps/b.yaml", "infra/other/main.tf") == [
        "apps/a.yaml",
        "apps/b.yaml",
        "infra/other/main.tf",
    ]


def test_what_surrounds_a_file_is_read(work: Path) -> None:
    block = (
        'resource "aws_s3_bucket_public_access_block" "other" {\n  bucket = aws_s3_bucket.other.id\n'
        "  block_public_acls = true\n  block_public_policy = true\n  ignore_public_acls = true\n"
        "  restrict_public_buckets = true\n}\n"
    )
    before = found("infra/other/main.tf", "--select", "REG")
    write(work, {"infra/other/access.tf": block})
    assert before == ["infra/other/main.tf"]
    assert found("infra/other/main.tf", "--select", "REG") == []


def test_touched_files_and_a_base_work_together(work: Path) -> None:
    commit(work, {"apps/a.yaml": "# a comment\n" + MODEL.format(name="a", image=FLOATING)})
    write(work, {"apps/c.yaml": MODEL.format(name="c", image=FLOATING)})
    assert found("apps/a.yaml", "apps/c.yaml", "--diff", "HEAD") == ["apps/c.yaml"]


def test_paths_are_relative_to_the_repository_wherever_it_is_called_from(
    work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(work / "apps")
    assert found("a.yaml") == ["apps/a.yaml"]


def test_the_hooks_are_commands_that_exist() -> None:
    hooks = YAML(typ="safe").load((REPOSITORY / ".pre-commit-hooks.yaml").read_text())
    assert [hook["id"] for hook in hooks] == ["kilter", "kilter-all"]
    for hook in hooks:
        command = hook["entry"].split()
        assert command[0] == "kilter"
        assert CliRunner().invoke(cli, [*command[1:], "--help"]).exit_code == 0
