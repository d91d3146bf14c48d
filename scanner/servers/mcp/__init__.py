"""The server for assistants: scans of files and of text, and what the rules say."""
