"""Kilter: policy as code for AI infrastructure."""
