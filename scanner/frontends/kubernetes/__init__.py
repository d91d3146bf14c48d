"""Kubernetes manifests: YAML and JSON documents to resources."""

from scanner.frontends.kubernetes.documents import read_manifests
from scanner.frontends.kubernetes.resources import object_to_resources

__all__ = ["object_to_resources", "read_manifests"]
