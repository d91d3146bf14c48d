"""Runs the command in a process of its own, with hard limits on time and memory."""

from __future__ import annotations

import atexit
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

SECONDS = 10.0
MEMORY_BYTES = 1024**3
ADDRESS_SPACE = 6 * 1024**3
REPOSITORY = Path(__file__).parent.parent.parent
MAIN = "from scanner.cli import main; main()"
HEALTHY = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: healthy, namespace: inference}
spec:
  replicas: 2
  selector: {matchLabels: {app: healthy}}
  template:
    metadata: {labels: {app: healthy}}
    spec:
      containers:
        - name: server
          image: vllm/vllm-openai:latest
          resources: {limits: {nvidia.com/gpu: 1}}
"""


@dataclass
class Run:
    status: int
    stdout: str
    stderr: str
    seconds: float
    memory: int

    @property
    def report(self) -> dict[str, Any]:
        data: dict[str, Any] = json.loads(self.stdout)
        return data

    def diagnostics(self) -> list[dict[str, Any]]:
        return list(self.report["diagnostics"])

    def files_with_findings(self) -> set[str]:
        return {finding["location"]["file"] for finding in self.report["findings"]}


@cache
def bytecode() -> str:
    """Where Python keeps what it compiles: once for all runs, and not beside the sources."""
    directory = tempfile.mkdtemp(prefix="kilter-bytecode-")
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    return directory


def kilter(
    *arguments: str,
    cwd: Path = REPOSITORY,
    script: str = MAIN,
    limits: dict[int, int] | None = None,
    variables: dict[str, str] | None = None,
) -> Run:
    """Run the command line; ``limits`` are further resource limits of the process."""

    def restrict() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
        resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
        for kind, value in (limits or {}).items():
            resource.setrlimit(kind, (value, value))

    environment = {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment |= {"PYTHONPATH": str(REPOSITORY), "PYTHONPYCACHEPREFIX": bytecode()} | (variables or {})
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", script, *arguments],
            cwd=cwd,
            stdout=out,
            stderr=err,
            stdin=subprocess.DEVNULL,
            env=environment,
            preexec_fn=restrict,
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        # processor time, so that a busy machine fails nothing
        seconds = usage.ru_utime + usage.ru_stime
        out.seek(0)
        err.seek(0)
        texts = (stream.read().decode("utf-8", "replace") for stream in (out, err))
        return Run(process.returncode, *texts, seconds, usage.ru_maxrss * 1024)


def scan(directory: Path, *arguments: str) -> Run:
    """Scan a directory beside whose hostile files ``HEALTHY`` is put, and hold the scan to its limits."""
    (directory / "healthy.yaml").write_text(HEALTHY)
    run = kilter("scan", str(directory), "--format", "json", "--exit-zero", *arguments)
    assert "Traceback" not in run.stderr, run.stderr[-2000:]
    assert run.status == 0, (run.status, run.stderr[-2000:])
    assert run.seconds < SECONDS, f"{run.seconds:.1f} s"
    assert run.memory < MEMORY_BYTES, f"{run.memory / 1024**2:.0f} MiB"
    internal = [item for item in run.diagnostics() if item["code"] == "internal-error"]
    assert not internal, internal[:3]
    assert "healthy.yaml" in run.files_with_findings()
    return run
