"""Text to resources, one front end for each source language."""
