"""Concepts: what resources mean, whatever kind or cloud they come from; see ``scanner.concepts.interpret``."""
