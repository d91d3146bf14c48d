"""Pods get accelerators by dynamic resource allocation: claims, templates and device classes."""

from typing import Any

import pytest

from scanner.concepts.costs import costs
from scanner.concepts.interpret import interpret
from scanner.concepts.model import PodSet
from scanner.core import AtLeast, Resource, SourceFile, Unknown, is_unknown
from scanner.frontends.kubernetes import read_manifests
from scanner.graph import ResourceGraph

POD = """
apiVersion: v1
kind: Pod
metadata: {{name: {name}, namespace: ml}}
spec:
  resourceClaims: [{{name: devices, {source}}}]
  containers:
    - name: main
      image: example.com/main:1
      resources: {{{resources}}}
    - name: other
      image: example.com/other:1
---
"""
EXACTLY = "- {name: gpu, exactly: {deviceClassName: gpu.nvidia.com, count: 2}}"
H100 = "device.attributes['gpu.nvidia.com'].productName == 'NVIDIA H100 80GB HBM3'"


def pod(
    name: str = "train",
    source: str = "resourceClaimTemplateName: devices",
    resources: str = "claims: [{name: devices}]",
) -> str:
    return POD.format(name=name, source=source, resources=resources)


def template(requests: str, version: str = "v1", namespace: str = "ml", name: str = "devices") -> str:
    return f"""
apiVersion: resource.k8s.io/{version}
kind: ResourceClaimTemplate
metadata: {{name: {name}, namespace: {namespace}}}
spec:
  spec:
    devices:
      requests:
        {requests}
---
"""


def shared(requests: str = EXACTLY) -> str:
    return f"""
apiVersion: resource.k8s.io/v1
kind: ResourceClaim
metadata: {{name: devices, namespace: ml}}
spec:
  devices:
    requests:
      {requests}
---
"""


def device_class(name: str, expression: str, more: str = "") -> str:
    return f"""
apiVersion: resource.k8s.io/v1
kind: DeviceClass
metadata: {{name: {name}}}
spec:
  selectors: [{{cel: {{expression: "{expression}"}}}}]
  {more}
---
"""


def graph_of(**files: str) -> ResourceGraph:
    resources: list[Resource] = []
    for unit, text in files.items():
        resources += read_manifests(SourceFile(f"{unit}/all.yaml", text), unit).resources
    return ResourceGraph(resources)


def read(*texts: str, kind: str = "Pod", graph: ResourceGraph | None = None) -> PodSet:
    concepts = interpret(graph or graph_of(a="".join(texts)))
    assert concepts.diagnostics == []
    return next(p for p in concepts.of_kind("PodSet") if isinstance(p, PodSet) and p.kind == kind)


@pytest.mark.parametrize(
    ("version", "request_"),
    [
        ("v1", EXACTLY),
        ("v1beta2", EXACTLY),
        ("v1beta1", "- {name: gpu, deviceClassName: gpu.nvidia.com, allocationMode: ExactCount, count: 2}"),
        ("v1alpha3", "- {name: gpu, deviceClassName: gpu.nvidia.com, count: 2}"),
    ],
)
def test_each_version_of_the_api_is_read(version: str, request_: str) -> None:
    pods = read(template(request_, version), pod())
    main, other = pods.containers
    assert (pods.accelerator_count, pods.own_accelerators) == (2, 2)
    assert (main.accelerator_count, other.accelerator_count, other.accelerators) == (2, 0, [])
    assert [(item.resource, item.extended, item.vendor, item.claim) for item in main.accelerators] == [
        ("gpu.nvidia.com", "nvidia.com/gpu", "nvidia", "devices")
    ]
    assert main.accelerators[0].at == ("spec", "containers", 0, "resources", "claims", 0)


def test_the_source_field_of_kubernetes_until_1_30() -> None:
    assert read(template(EXACTLY), pod(source="source: {resourceClaimTemplateName: devices}")).accelerator_count == 2


def test_a_count_that_is_not_given_is_one() -> None:
    pods = read(template("- {name: gpu, exactly: {deviceClassName: neuron.aws.com}}"), pod())
    assert (pods.accelerator_count, pods.extended_resources) == (1, ["aws.amazon.com/neuron"])


def test_all_devices_of_a_node_are_at_least_one() -> None:
    pods = read(template("- {name: tpu, exactly: {deviceClassName: tpu.google.com, allocationMode: All}}"), pod())
    count: Any = pods.accelerator_count
    assert isinstance(count, AtLeast)
    assert count.least == 1
    assert pods.accelerator_resources == ["tpu.google.com"]


def test_admin_access_allocates_nothing() -> None:
    pods = read(template("- {name: gpu, exactly: {deviceClassName: gpu.nvidia.com, adminAccess: true}}"), pod())
    assert (pods.accelerator_count, pods.containers[0].accelerators) == (0, [])


@pytest.mark.parametrize("name", ["dra.net", "mrdma.google.com", "efa.networking.k8s.aws"])
def test_network_adapters_are_no_accelerators(name: str) -> None:
    pods = read(template(f"- {{name: nic, exactly: {{deviceClassName: {name}}}}}"), pod())
    assert (pods.accelerator_count, pods.device_claims[0].network) == (0, True)


def test_a_compute_domain_makes_the_template_of_its_channel() -> None:
    domain = """
apiVersion: resource.nvidia.com/v1beta1
kind: ComputeDomain
metadata: {name: domain, namespace: ml}
spec: {numNodes: 2, channel: {resourceClaimTemplate: {name: devices}}}
---
"""
    pods = read(domain, pod(resources="limits: {nvidia.com/gpu: 4}, claims: [{name: devices}]"))
    assert (pods.accelerator_count, pods.accelerator_resources) == (4, ["nvidia.com/gpu"])


def test_a_template_that_is_not_in_the_scan_leaves_the_accelerators_open() -> None:
    pods = read(pod())
    assert is_unknown(pods.accelerator_count)
    assert is_unknown(pods.containers[0].accelerators)
    assert pods.containers[1].accelerator_count == 0


def test_an_open_claim_beside_what_a_device_plugin_gives_holds_no_accelerators() -> None:
    pods = read(pod(resources="limits: {nvidia.com/gpu: 4}, claims: [{name: devices}]"))
    assert (pods.accelerator_count, pods.containers[0].accelerator_count) == (4, 4)


def test_an_open_claim_beside_a_known_one_adds_to_the_least() -> None:
    both = pod(resources="claims: [{name: devices}, {name: more}]").replace(
        "resourceClaims: [", "resourceClaims: [{name: more, resourceClaimTemplateName: elsewhere}, "
    )
    count: Any = read(template(EXACTLY), both).containers[0].accelerator_count
    assert isinstance(count, AtLeast)
    assert count.least == 2


def test_a_container_may_use_one_request_of_a_claim() -> None:
    requests = f"{EXACTLY}\n        - {{name: nic, exactly: {{deviceClassName: dra.net}}}}"
    pods = read(template(requests), pod(resources="claims: [{name: devices, request: nic}]"))
    assert (pods.containers[0].accelerator_count, pods.accelerator_count) == (0, 2)


def test_alternatives_tell_what_they_have_in_common() -> None:
    requests = """- name: gpu
          firstAvailable:
            - {name: one, deviceClassName: gpu.nvidia.com, count: 1}
            - {name: two, deviceClassName: gpu.nvidia.com, count: 2}"""
    main = read(template(requests), pod(resources="claims: [{name: devices, request: gpu/two}]")).containers[0]
    count: Any = main.accelerator_count
    assert isinstance(count, AtLeast)
    assert (count.least, main.accelerators[0].extended, main.accelerators[0].vendor) == (1, "nvidia.com/gpu", "nvidia")


def test_alternatives_of_several_kinds_are_open() -> None:
    requests = """- name: any
          firstAvailable:
            - {name: gpu, deviceClassName: gpu.nvidia.com}
            - {name: cpu, deviceClassName: dra.cpu}"""
    assert is_unknown(read(template(requests), pod()).containers[0].accelerators)


def test_selectors_tell_the_model() -> None:
    request = (
        f'- {{name: gpu, exactly: {{deviceClassName: gpu.nvidia.com, selectors: [{{cel: {{expression: "{H100}"}}}}]}}}}'
    )
    pods = read(template(request), pod())
    assert (pods.accelerator, pods.accelerator_selected) == ("nvidia-h100-80gb", True)


@pytest.mark.parametrize("expression", [f"{H100} || true", f"!({H100})", "device.attributes['x'].y.matches('h100')"])
def test_what_an_expression_does_not_decide_is_not_guessed(expression: str) -> None:
    request = (
        f"- {{name: gpu, exactly: {{deviceClassName: gpu.nvidia.com, selectors: [{{cel: {{expression: "
        f'"{expression}"}}}}]}}}}'
    )
    pods = read(template(request), pod())
    assert (pods.accelerator, pods.accelerator_selected, pods.accelerator_count) == (None, True, 1)


def test_slices_are_told_by_their_profile() -> None:
    request = """- name: slice
          exactly:
            deviceClassName: mig.nvidia.com
            selectors: [{cel: {expression: "device.attributes['gpu.nvidia.com'].profile == '1g.10gb'"}}]"""
    pods = read(template(request), pod())
    assert (pods.containers[0].accelerators[0].mig_profile, pods.extended_resources) == (
        "1g.10gb",
        ["nvidia.com/mig-1g.10gb"],
    )
    bare = read(template("- {name: slice, exactly: {deviceClassName: mig.nvidia.com}}"), pod())
    assert (bare.accelerator_count, is_unknown(bare.extended_resources)) == (1, True)


def test_a_class_of_the_scan_is_what_its_selectors_say() -> None:
    asked = template("- {name: gpu, exactly: {deviceClassName: large}}")
    whole = "device.driver == 'gpu.nvidia.com' && device.attributes['gpu.nvidia.com'].type == 'gpu'"
    assert read(device_class("large", whole), asked, pod()).extended_resources == ["nvidia.com/gpu"]
    assert read(device_class("large", "device.driver == 'dra.net'"), asked, pod()).accelerator_count == 0
    assert is_unknown(read(device_class("large", "device.driver == 'gpu.example.com'"), asked, pod()).accelerator_count)
    assert is_unknown(read(asked, pod()).accelerator_count)


def test_a_class_offers_its_devices_as_an_extended_resource() -> None:
    whole = "device.driver == 'gpu.nvidia.com' && device.attributes['gpu.nvidia.com'].type == 'gpu'"
    offered = device_class("large", whole, "extendedResourceName: example.com/gpu")
    bare = pod(resources="limits: {example.com/gpu: 2}").replace("  resourceClaims:", "  other:")
    pods = read(offered, bare)
    assert (pods.accelerator_count, pods.accelerator_resources) == (2, ["example.com/gpu"])
    assert (pods.extended_resources, pods.containers[0].accelerators[0].claim) == (["nvidia.com/gpu"], None)
    implicit = bare.replace("example.com/gpu", "deviceclass.resource.kubernetes.io/gpu.nvidia.com")
    assert read(implicit).accelerator_count == 2
    assert read(bare).accelerator_count == 0


def test_a_shared_claim_is_no_further_pods_accelerator() -> None:
    pods = read(shared(), pod(source="resourceClaimName: devices"))
    assert (pods.accelerator_count, pods.own_accelerators) == (2, 0)


def test_containers_that_use_one_claim_share_its_devices() -> None:
    both = pod().replace("image: example.com/other:1", "image: o:1\n      resources: {claims: [{name: devices}]}")
    pods = read(template(EXACTLY), both)
    assert [container.accelerator_count for container in pods.containers] == [2, 2]
    assert pods.accelerator_count == 2


def test_a_template_of_another_unit_ties_the_units() -> None:
    graph = graph_of(a=pod(), b=template(EXACTLY))
    assert read(graph=graph).accelerator_count == 2
    assert ("a", "b") in graph.ties


def test_a_template_of_another_namespace_is_not_taken() -> None:
    pods = read(template(EXACTLY, namespace="platform"), pod())
    assert is_unknown(pods.accelerator_count)
    assert pods.device_claims[0].only_in == ["platform"]


def test_the_devices_of_a_shared_claim_are_paid_once() -> None:
    one, two = (pod(name, "resourceClaimName: devices") for name in ("one", "two"))
    graph = graph_of(a=shared() + one + two)
    lines = [line for line in costs(interpret(graph), graph).lines if line.kind == "workload"]
    floors = [line.floor_usd for line in lines]
    alone = graph_of(a=template(EXACTLY) + pod())
    assert floors == [next(line.floor_usd for line in costs(interpret(alone), alone).lines), 0.0]


@pytest.mark.parametrize("wrong", ["x", "[1, {}, {name: 1}]", "{a: b}", "[{name: devices, resourceClaimName: [1]}]"])
def test_entries_of_a_wrong_type_are_passed_over(wrong: str) -> None:
    text = pod().replace("[{name: devices, resourceClaimTemplateName: devices}]", wrong)
    assert read(template(EXACTLY), text).accelerator_resources == []


@pytest.mark.parametrize("wrong", ["- 1", "- {name: x, exactly: 2}", "- {name: x, firstAvailable: [1]}", "- {}"])
def test_requests_of_a_wrong_type_are_open(wrong: str) -> None:
    assert is_unknown(read(template(wrong), pod()).accelerator_count)


def test_unknown_entries_leave_the_accelerators_open() -> None:
    graph = graph_of(a=template(EXACTLY) + pod())
    item = graph.of_type("Pod")[0]
    item.attributes["spec"]["resourceClaims"] = Unknown("not set")
    assert is_unknown(read(graph=graph).accelerator_count)


def test_a_nim_service_names_claims_of_its_own() -> None:
    service = """
apiVersion: apps.nvidia.com/v1alpha1
kind: NIMService
metadata: {name: llama, namespace: ml}
spec:
  image: {repository: nvcr.io/nim/meta/llama-3.1-8b-instruct, tag: "1.8"}
  draResources: [{resourceClaimTemplateName: devices, requests: [gpu]}]
---
"""
    pods = read(template(EXACTLY), service, kind="NIMService")
    assert (pods.accelerator_count, pods.accelerator_resources) == (2, ["gpu.nvidia.com"])
    assert is_unknown(
        read(
            service.replace("resourceClaimTemplateName: devices", "claimCreationSpec: {}"), kind="NIMService"
        ).accelerator_count
    )


def test_claims_that_stand_for_too_many_devices_are_a_limit() -> None:
    requests = "\n        ".join(f"- {{name: r{n}, exactly: {{deviceClassName: gpu.nvidia.com}}}}" for n in range(32))
    entries = ", ".join(f"{{name: c{n}, resourceClaimTemplateName: devices}}" for n in range(2_000))
    text = pod().replace("{name: devices, resourceClaimTemplateName: devices}", entries)
    concepts = interpret(graph_of(a=template(requests) + text + pod("later")))
    assert [item.code for item in concepts.diagnostics] == ["workload-limit"]
    assert concepts.of_kind("PodSet") == []
