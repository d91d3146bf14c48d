"""Small git repositories for tests."""

import os
import subprocess
from pathlib import Path

BUCKET = 'resource "aws_s3_bucket" "{name}" {{\n  bucket = "acme-{name}-models"\n}}\n'
MODEL = """apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}, namespace: inference}}
spec:
  replicas: 1
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec:
      containers:
        - name: vllm
          image: {image}
"""
FLOATING = "vllm/vllm-openai:latest"
PINNED = "vllm/vllm-openai:v0.6.3"


def git(directory: Path, *arguments: str) -> str:
    """Run git with a fixed author and without the user's configuration."""
    who = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in
           (("NAME", "Kilter"), ("EMAIL", "kilter@example.invalid"))}  # fmt: skip
    environment = os.environ | who | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    command = ["git", "-C", str(directory), "-c", "protocol.file.allow=always", *arguments]
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.strip()


def write(directory: Path, files: dict[str, str]) -> None:
    """Write files below a directory."""
    for name, text in files.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(text)


def repository(directory: Path, files: dict[str, str]) -> Path:
    """A repository whose branch main has one commit with these files."""
    directory.mkdir(parents=True, exist_ok=True)
    git(directory, "init", "-q", "-b", "main")
    commit(directory, files)
    return directory


def commit(directory: Path, files: dict[str, str]) -> None:
    """Write the files and commit everything."""
    write(directory, files)
    git(directory, "add", "-A")
    git(directory, "commit", "-q", "--allow-empty", "-m", "change")
