"""One function for each reader of hostile text: bytes in, nothing out, an exception only for a defect."""

from __future__ import annotations

import datetime
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

from msgspec.structs import replace

from scanner.concepts.interpret import interpret
from scanner.core import Diagnostic, Finding, Parsed, Resource, SourceFile
from scanner.engine.compile import CompiledRule, compile_rule
from scanner.engine.evaluate import evaluate_rules
from scanner.engine.fix import fix_for
from scanner.engine.rules import Rule, RuleError, load_rules
from scanner.engine.suppress import ANNOTATION, Policy, Surroundings, suppress
from scanner.frontends.azureml import read_azureml
from scanner.frontends.helm import read_rendered
from scanner.frontends.kubernetes import read_manifests
from scanner.frontends.kustomize import build_overlays
from scanner.frontends.plan import read_plan
from scanner.frontends.terraform import TerraformOptions, evaluate_expressions, read_root
from scanner.graph import ResourceGraph
from scanner.project.config import ConfigError, load_config
from scanner.project.tree import Tree, Unreadable, normalise
from scanner.scan import ScanOptions, all_rules

FREE_LINES = 6
"""Lines above the object whose findings are suppressed."""
SEPARATOR = "\n%%%%\n"
"""Between the files of an input that needs several."""
DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: vllm}
spec:
  replicas: 2
  template:
    spec:
      containers:
        - {name: server, image: "vllm/vllm-openai:latest", resources: {limits: {nvidia.com/gpu: 1}}}
"""


class Texts(Tree):
    """A tree that is held in memory."""

    def __init__(self, texts: dict[str, str]) -> None:
        super().__init__(Path("/nowhere"), texts)

    def read_bytes(self, path: str) -> bytes:
        if normalise(path) not in self.overlay:
            raise Unreadable("unreadable-file", f"{path} cannot be read")
        return self.overlay[normalise(path)].encode("utf-8", "surrogatepass")

    def exists(self, path: str) -> bool:
        return self.is_file(path) or self.is_dir(path)

    def is_file(self, path: str) -> bool:
        return normalise(path) in self.overlay

    def is_dir(self, path: str) -> bool:
        place = normalise(path)
        return not place or any(name.startswith(f"{place}/") for name in self.overlay)

    def list(self, directory: str) -> list[str]:
        place = normalise(directory)
        prefix = f"{place}/" if place else ""
        return sorted({n[len(prefix) :].split("/")[0] for n in self.overlay if n.startswith(prefix)})


def text_of(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def parts_of(data: bytes, count: int) -> list[str]:
    parts = text_of(data).split(SEPARATOR, count - 1)
    return parts + [""] * (count - len(parts))


@cache
def rules() -> dict[str, CompiledRule]:
    return {rule.id: compile_rule(rule) for rule in all_rules(ScanOptions())}


def compiled(rule: Rule) -> CompiledRule:
    return rules()[rule.id]


@cache
def rules_by_selection() -> dict[str, list[Rule]]:
    table: dict[str, list[Rule]] = {}
    for ready in rules().values():
        for name in ready.rule.select:
            table.setdefault(name, []).append(ready.rule)
    return table


def judged(parsed: Parsed, source: SourceFile | None = None) -> None:
    """Everything that happens to resources after a front end: links, concepts, rules, places, and fixes of ``source``.

    Rules that select nothing here are left out: a short input meets few of them.
    """
    assert_sound(parsed.diagnostics)
    if not parsed.resources:
        return
    graph = ResourceGraph(parsed.resources)
    concepts = interpret(graph)
    names = [*graph.types, *concepts.by_kind]
    chosen = [rule for name in names for rule in rules_by_selection().get(name, ())]
    evaluation = evaluate_rules(chosen, compiled, graph, concepts)
    assert_sound([*concepts.diagnostics, *evaluation.diagnostics])
    for finding in evaluation.findings if source is not None else ():
        fix_for(finding, rules()[finding.rule].rule, source)
    for resource in parsed.resources:
        resource.locate()
        for key in list(resource.attributes)[:20]:
            resource.locate((key,))


def assert_sound(diagnostics: list[Diagnostic]) -> None:
    for item in diagnostics:
        assert item.code != "internal-error", item.message
        assert item.span.start_line >= 1, item
        assert item.span.start_column >= 1, item


def hcl(data: bytes) -> None:
    judged(read_root(Texts({"main.tf": text_of(data)}), ""))


def hcl_json(data: bytes) -> None:
    judged(read_root(Texts({"main.tf.json": text_of(data)}), ""))


def modules(data: bytes) -> None:
    main, module, variables = parts_of(data, 3)
    texts = {"main.tf": main, "module/main.tf": module, "terraform.tfvars": variables}
    judged(read_root(Texts(texts), ""))


def evaluator(data: bytes) -> None:
    for result in evaluate_expressions(Texts({}), "", TerraformOptions(), [text_of(data)]):
        assert len(result) == 1


def yaml(data: bytes) -> None:
    source = SourceFile("a.yaml", text_of(data))
    judged(read_manifests(source, ""), source)


def azureml(data: bytes) -> None:
    judged(read_azureml(SourceFile("job.yaml", text_of(data)), ""))


def plan(data: bytes) -> None:
    judged(read_plan(SourceFile("plan.json", text_of(data))))


def kustomize(data: bytes) -> None:
    kustomization, manifest, patch = parts_of(data, 3)
    texts = {"kustomization.yaml": kustomization, "deployment.yaml": manifest or DEPLOYMENT, "patch.yaml": patch}
    judged(build_overlays(Texts(texts), [""])[0])


def rendered_chart(data: bytes) -> None:
    rendered, values, template = parts_of(data, 3)
    texts = {"c/Chart.yaml": "name: c\nversion: 1.0.0\n", "c/values.yaml": values, "c/templates/a.yaml": template}
    judged(read_rendered(Texts(texts), "c", f"---\n# Source: c/templates/a.yaml\n{rendered}"))


def rule_loader(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as directory:
        Path(directory, "rule.yaml").write_bytes(data)
        try:
            (ready,) = map(compile_rule, load_rules([Path(directory)]))
        except RuleError:
            return
    graph = ResourceGraph(read_manifests(SourceFile("a.yaml", DEPLOYMENT), "").resources)
    assert_sound(evaluate_rules([ready.rule], lambda _: ready, graph, interpret(graph)).diagnostics)


def configuration(data: bytes) -> None:
    with tempfile.NamedTemporaryFile(suffix=".kilter.yaml") as file:
        file.write(data)
        file.flush()
        try:
            load_config(Path(file.name))
        except ConfigError:
            return


@cache
def deployed() -> tuple[list[Resource], list[Finding]]:
    """The resources of the deployment below some free lines, and what is found on them."""
    resources = read_manifests(SourceFile("a.yaml", "\n" * FREE_LINES + DEPLOYMENT), "").resources
    graph = ResourceGraph(resources)
    return resources, evaluate_rules(
        [ready.rule for ready in rules().values()], compiled, graph, interpret(graph)
    ).findings[:3]


@cache
def known_rules() -> tuple[list[Rule], set[str]]:
    """Those that found something and a few more: near names are looked for among all."""
    found = {finding.rule for finding in deployed()[1]}
    known = [ready.rule for number, ready in enumerate(rules().values()) if ready.rule.id in found or number % 20 == 0]
    return known, {rule.id for rule in known}


def suppressions(data: bytes) -> None:
    """The lines of the input stand above an object with findings; its first line is an annotation too."""
    lines = (text_of(data).split("\n") + [""] * FREE_LINES)[:FREE_LINES]
    file = SourceFile("a.yaml", "\n".join((*lines, DEPLOYMENT)))
    resources, findings = deployed()
    rule_name, _, value = lines[0].partition(":")
    metadata = {**resources[0].attributes["metadata"], "annotations": {f"{ANNOTATION}.{rule_name}": value}}
    annotated = replace(resources[0], attributes={**resources[0].attributes, "metadata": metadata})
    rules_known, selected = known_rules()
    around = Surroundings(
        files=[file],
        resources=[annotated],
        rules=rules_known,
        selected=selected,
        today=datetime.date(2026, 1, 1),
        lines=lambda path: file.lines,
        named=str,
        shown=str,
    )
    moved = [replace(finding, resource=annotated) for finding in findings]
    assert_sound(suppress(moved, Policy(), around)[2])


TARGETS: dict[str, Callable[[bytes], None]] = {
    function.__name__: function
    for function in (hcl, hcl_json, modules, evaluator, yaml, azureml, plan, kustomize, rendered_chart, rule_loader,
                     configuration, suppressions)
}  # fmt: skip
