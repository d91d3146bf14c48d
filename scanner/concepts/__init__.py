"""Concepts: what resources mean, whatever kind or cloud they come from."""

from scanner.concepts.interpret import Concepts, interpret

__all__ = ["Concepts", "interpret"]
