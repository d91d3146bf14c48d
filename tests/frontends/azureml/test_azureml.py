from pathlib import Path

from scanner.core import SourceFile
from scanner.frontends.azureml import read_azureml
from scanner.scan import scan

DEPLOYMENT = """\
$schema: https://azuremlschemas.azureedge.net/latest/managedOnlineDeployment.schema.json
name: blue
endpoint_name: chat
instance_type: Standard_NC24ads_A100_v4
"""


def test_a_document_becomes_a_resource_of_its_schema() -> None:
    (resource,) = read_azureml(SourceFile("ml/blue.yml", DEPLOYMENT), "ml").resources
    assert (resource.type, resource.address) == ("azureml.managedOnlineDeployment", "managedOnlineDeployment/blue")
    assert (resource.provider, resource.origin, resource.unit) == ("azureml", "azureml", "ml")
    assert resource.attributes["endpoint_name"] == "chat"


def test_values_are_located_and_missing_ones_at_the_name() -> None:
    (resource,) = read_azureml(SourceFile("blue.yml", DEPLOYMENT), "").resources
    assert resource.locate(("instance_type",)).span.start_line == 4
    assert resource.locate(("liveness_probe", "initial_delay")).span.start_line == 2
    assert resource.locate().span.start_line == 2


def test_a_job_without_a_name_is_called_after_its_file() -> None:
    text = "$schema: https://azuremlschemas.azureedge.net/latest/commandJob.schema.json\ncommand: python train.py\n"
    (resource,) = read_azureml(SourceFile("jobs/train.yml", text), "jobs").resources
    assert resource.address == "commandJob/train"
    assert resource.locate().span.start_line == 1


def test_other_documents_and_schemas_are_left_alone() -> None:
    text = "a: 1\n---\n- 2\n---\n$schema: https://json.schemastore.org/x.json\n---\n$schema: 3\n"
    parsed = read_azureml(SourceFile("x.yml", text), "")
    assert (parsed.resources, parsed.diagnostics) == ([], [])


def test_schema_addresses_in_their_several_forms_are_understood() -> None:
    for address in (
        "https://azuremlschemas.azureedge.net/latest/amlCompute.schema.json ",
        "https://azuremlschemasprod.azureedge.net/development/amlCompute.schema.json",
    ):
        (resource,) = read_azureml(SourceFile("c.yml", f"$schema: {address}\nname: c\n"), "").resources
        assert resource.type == "azureml.amlCompute"


def test_a_broken_document_costs_only_itself() -> None:
    parsed = read_azureml(SourceFile("x.yml", f"{DEPLOYMENT}---\n]broken: [\n"), "")
    assert [resource.name for resource in parsed.resources] == ["blue"]
    assert [item.code for item in parsed.diagnostics] == ["yaml-syntax"]


def test_azure_ml_files_are_scanned(tmp_path: Path) -> None:
    (tmp_path / "blue.yml").write_text(DEPLOYMENT)
    result = scan([tmp_path])
    assert result.diagnostics == []
    assert "ROL306" in {finding.rule for finding in result.findings}
