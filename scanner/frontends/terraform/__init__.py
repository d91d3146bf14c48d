"""Terraform: syntax, evaluation, modules and expansion to resource instances."""
