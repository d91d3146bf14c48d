"""Discovery, configuration and confined file access."""
