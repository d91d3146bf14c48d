"""Kustomize overlays, built without running anything: bases, components, patches, images, names, generators."""

from scanner.frontends.kustomize.build import KUSTOMIZATION_NAMES, build_overlays

__all__ = ["KUSTOMIZATION_NAMES", "build_overlays"]
