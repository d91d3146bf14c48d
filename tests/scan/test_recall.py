"""What an earlier scan left in the cache shortens the next one, and never changes its answer."""

import json
import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from scanner.engine.baseline import record
from scanner.project.cache import NO_CACHE, Cache
from scanner.report.formats import render
from scanner.scan import ScanOptions, ScanResult, identities, scan

STACKS = Path(__file__).parent.parent.parent / "fixtures" / "stacks"
DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: vllm, namespace: @}
spec:
  replicas: 1
  selector: {matchLabels: {app: vllm}}
  template:
    metadata: {labels: {app: vllm}}
    spec:
      containers:
        - name: server
          image: vllm/vllm-openai:v0.8.5
          args: ["--model", "mistralai/Mistral-7B-Instruct-v0.3"]
          resources: {limits: {nvidia.com/gpu: 1}}
"""
SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: vllm, namespace: @}
spec:
  type: LoadBalancer
  selector: {app: vllm}
  ports: [{port: 8000}]
"""
POOL = """\
resource "aws_eks_node_group" "gpu" {
  cluster_name    = "main"
  node_group_name = "gpu"
  node_role_arn   = "arn:aws:iam::111122223333:role/nodes"
  subnet_ids      = ["subnet-1"]
  instance_types  = ["p5.48xlarge"]
  scaling_config {
    min_size     = 0
    max_size     = 8
    desired_size = 1
  }
}
"""
SHARING = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: sharing}
data:
  any: |
    sharing:
      timeSlicing:
        resources: [{name: nvidia.com/gpu, replicas: 4}]
"""
EDITED = ("example", "aws-karpenter", "gcp-gke-standard", "kubernetes-kserve", "kubernetes-vllm")
"""Stacks that are edited at random."""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for team in ("red", "blue"):
        for name, text in (("deploy/app.yaml", DEPLOYMENT), ("deploy/service.yaml", SERVICE), ("infra/main.tf", POOL)):
            place = tmp_path / "repository" / team / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text.replace("@", team))
    (tmp_path / "repository" / "README.md").write_text("Two teams.\n")
    return tmp_path / "repository"


@pytest.fixture
def options(tmp_path: Path) -> ScanOptions:
    return ScanOptions(pedantic=True, recall=True, cache=Cache(tmp_path / "cache"))


def shown(result: ScanResult) -> str:
    return render(result, "json") + render(result, "text", show_undetermined=True) + render(result, "sarif")


def again(root: Path, options: ScanOptions) -> ScanResult:
    """The result of a scan that may recall; it must say what one that may not says."""
    result = scan([root], options)
    assert shown(result) == shown(scan([root], replace(options, recall=False, cache=NO_CACHE)))
    return result


def edit(file: Path, pattern: str, replacement: str) -> None:
    text, count = re.subn(pattern, replacement, file.read_text(), count=1)
    assert count == 1
    file.write_text(text)


def test_nothing_is_read_again_where_nothing_has_changed(root: Path, options: ScanOptions) -> None:
    assert again(root, options).recalled == 0
    result = again(root, options)
    assert result.recalled == result.resources == 6


@pytest.mark.parametrize(
    ("file", "pattern", "replacement"),
    [
        ("red/deploy/app.yaml", "v0.8.5", "latest"),
        ("red/deploy/app.yaml", "gpu: 1", "gpu: 16"),
        ("red/deploy/app.yaml", "replicas: 1", "replicas: 3  # three"),
        ("red/infra/main.tf", "p5.48xlarge", "g4dn.xlarge"),
        ("red/infra/main.tf", "max_size     = 8", "max_size     = 800"),
        ("red/deploy/service.yaml", "spec:", "# a comment\nspec:"),
        ("red/deploy/app.yaml", "(?s)apiVersion.*", "apiVersion: [\n"),
        ("red/infra/main.tf", "(?s)resource.*", "resource {\n"),
        ("red/deploy/app.yaml", "kind: Deployment", "kind: Deployment  # kilter:ignore GPU017 -- small"),
    ],
)
def test_a_change_is_read_again_with_what_it_is_joined_to(
    root: Path, options: ScanOptions, file: str, pattern: str, replacement: str
) -> None:
    again(root, options)
    edit(root / file, pattern, replacement)
    again(root, options)


def test_only_the_island_of_a_change_is_read_again(root: Path, options: ScanOptions) -> None:
    again(root, options)
    edit(root / "red/deploy/app.yaml", "gpu: 1", "gpu: 16")
    result = again(root, options)
    assert (result.recalled, result.resources) == (3, 6)


def reselect(root: Path) -> None:
    edit(root / "red/deploy/service.yaml", "app: vllm", "app: other")


def rename(root: Path) -> None:
    edit(root / "red/deploy/app.yaml", "namespace: red", "namespace: blue")


def remove(root: Path) -> None:
    (root / "red/deploy/service.yaml").unlink()


def add(root: Path) -> None:
    text = POOL.replace('"gpu" {', '"more" {').replace("p5.48xlarge", "g5.xlarge")
    (root / "blue/infra/more.tf").write_text(text)


def move_cluster(root: Path) -> None:
    (root / "blue/infra").rename(root / "blue/clusters")


def answer(root: Path) -> None:
    """GPU012 asks the whole scan whether pods ask for several GPUs."""
    edit(root / "blue/deploy/app.yaml", "gpu: 1", "gpu: 2")


def call(root: Path) -> None:
    edit(root / "red/infra/main.tf", r"\A", 'module "other" {\n  source = "../../blue/infra"\n}\n')


def become_another_kind(root: Path) -> None:
    (root / "red/deploy/service.yaml").write_text("nothing: of interest\n")


@pytest.mark.parametrize(
    "change", [reselect, rename, remove, add, move_cluster, answer, call, become_another_kind], ids=lambda f: f.__name__
)
def test_a_change_that_may_reach_further_is_followed(
    root: Path, options: ScanOptions, change: Callable[[Path], None]
) -> None:
    (root / "sharing.yaml").write_text(SHARING)
    again(root, options)
    change(root)
    again(root, options)
    again(root, options)


def test_files_that_nobody_read_do_not_matter(root: Path, options: ScanOptions) -> None:
    again(root, options)
    (root / "README.md").write_text("Still two teams.\n")
    (root / "NOTES.md").write_text("Notes.\n")
    assert again(root, options).recalled == 6


def test_a_file_that_was_only_touched_has_not_changed(root: Path, options: ScanOptions) -> None:
    again(root, options)
    for path in root.rglob("*.yaml"):
        path.write_text(path.read_text())
    assert again(root, options).recalled == 6


def test_other_options_are_another_scan(root: Path, options: ScanOptions) -> None:
    again(root, options)
    assert again(root, replace(options, select=("GPU",))).recalled == 0
    assert again(root, replace(options, parameters={"CST001": {}})).recalled == 0


def test_units_that_hold_a_touched_file_are_found_in_memory(root: Path, options: ScanOptions) -> None:
    (root / ".git").mkdir()
    hook = replace(options, touched=True)
    file = root / "red/infra/main.tf"
    for _ in range(2):
        result = scan([file], hook)
        assert {item.location.span.file for item in result.findings} == {"red/infra/main.tf"}
    assert result.recalled == 6


def test_an_unsaved_text_is_read_in_the_place_of_its_file(root: Path, options: ScanOptions) -> None:
    again(root, options)
    text = (root / "red/deploy/app.yaml").read_text().replace("v0.8.5", "latest")
    edited = replace(options, overlay={"red/deploy/app.yaml": text})
    assert again(root, edited).recalled == 3
    assert again(root, replace(options, overlay={"red/deploy/new.yaml": text})).recalled == 0
    assert again(root, options).recalled == 6


def test_a_baseline_is_compared_with_what_is_recalled(root: Path, options: ScanOptions) -> None:
    known = tuple(record(identities(again(root, options))))
    held = replace(options, baseline=known)
    result = again(root, held)
    assert (result.findings, result.recalled) == ([], 6)
    edit(root / "red/deploy/app.yaml", "name: vllm", "name: other")
    edit(root / "red/deploy/app.yaml", "v0.8.5", "latest")
    assert again(root, held).findings


def test_damaged_memory_is_forgotten(root: Path, options: ScanOptions) -> None:
    again(root, options)
    assert options.cache.directory is not None
    for place in options.cache.directory.rglob("*"):
        if place.is_file():
            place.write_bytes(place.read_bytes()[:-10])
    assert again(root, options).recalled == 0


def disturbed(file: Path, chance: random.Random) -> None:
    """Change a line of a file in one of the ways in which people do."""
    lines = file.read_text().split("\n")
    number = chance.randrange(len(lines))
    line = lines[number]
    lines[number : number + 1] = chance.choice(
        [
            [line, "# a comment"],
            [],
            [line, line],
            [re.sub(r"\d+", lambda match: str(int(match[0][:9]) + 1), line)],
            [line.replace("true", "false")],
            [line.replace("e", "a", 1)],
        ]
    )
    file.write_text("\n".join(lines))


@pytest.mark.parametrize("stack", EDITED)
def test_any_edit_is_answered_as_by_a_whole_scan(stack: str, tmp_path: Path, options: ScanOptions) -> None:
    chance = random.Random(stack)
    place = tmp_path / "stack"
    shutil.copytree(STACKS / stack, place)
    files = sorted(path for path in place.rglob("*") if path.suffix in (".tf", ".yaml"))
    again(place, options)
    recalled = 0
    for _ in range(8):
        disturbed(chance.choice(files), chance)
        recalled += again(place, options).recalled
    assert recalled > 0


def test_a_memory_of_which_most_has_changed_is_left_anew(tmp_path: Path, options: ScanOptions) -> None:
    for number in range(60):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "a.yaml").write_text(DEPLOYMENT.replace("@", f"n{number}"))
    again(tmp_path, options)
    for number in range(40):
        (tmp_path / str(number) / "a.yaml").write_text(DEPLOYMENT.replace("@", f"n{number}") + "# changed\n")
    assert [again(tmp_path, options).recalled for _ in range(2)] == [0, 60]


def test_memory_is_plain_data(root: Path, options: ScanOptions) -> None:
    again(root, options)
    assert options.cache.directory is not None
    kept = [path.read_bytes().partition(b"\n")[2] for path in options.cache.directory.rglob("*") if path.is_file()]
    memory = max((json.loads(text) for text in kept), key=lambda data: "islands" in data)
    joined = {frozenset(island["units"]) for island in memory["islands"]}
    assert joined == {frozenset(("red/deploy", "red/infra")), frozenset(("blue/deploy", "blue/infra"))}


CLAIM_TEMPLATE = """\
apiVersion: resource.k8s.io/v1
kind: ResourceClaimTemplate
metadata: {name: gpus, namespace: red}
spec:
  spec:
    devices:
      requests: [{name: gpu, exactly: {deviceClassName: large, count: 1}}]
"""
DEVICE_CLASS = """\
apiVersion: resource.k8s.io/v1
kind: DeviceClass
metadata: {name: large}
spec:
  selectors: [{cel: {expression: "device.driver == 'gpu.nvidia.com'"}}]
"""


@pytest.mark.parametrize(
    ("file", "pattern", "replacement"),
    [
        ("claims/template.yaml", "count: 1", "count: 3"),
        ("claims/template.yaml", "deviceClassName: large", "deviceClassName: dra.net"),
        ("claims/template.yaml", "name: gpus", "name: others"),
        ("classes/class.yaml", "gpu.nvidia.com", "dra.net"),
        ("classes/class.yaml", "name: large", "name: small"),
        ("red/deploy/app.yaml", "resourceClaimTemplateName: gpus", "resourceClaimTemplateName: others"),
    ],
)
def test_a_change_of_device_claims_elsewhere_is_followed(
    root: Path, options: ScanOptions, file: str, pattern: str, replacement: str
) -> None:
    for place, text in (("claims/template.yaml", CLAIM_TEMPLATE), ("classes/class.yaml", DEVICE_CLASS)):
        (root / place).parent.mkdir()
        (root / place).write_text(text)
    app = root / "red/deploy/app.yaml"
    edit(app, r"limits: \{nvidia.com/gpu: 1\}", "claims: [{name: gpu}]")
    edit(
        app,
        "      containers:",
        "      resourceClaims: [{name: gpu, resourceClaimTemplateName: gpus}]\n      containers:",
    )
    again(root, options)
    edit(root / file, pattern, replacement)
    again(root, options)
    edit(root / file, replacement, pattern)
    again(root, options)
