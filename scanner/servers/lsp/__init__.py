"""The language server: what a scan says, while the text is being written."""
