"""Findings to text, JSON, SARIF and the other formats."""
