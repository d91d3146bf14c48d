"""Servers that other programs talk to over standard input and output: editors (LSP) and assistants (MCP)."""
