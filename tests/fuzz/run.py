"""Fuzz one target with atheris (coverage-guided; pip install atheris).

    python tests/fuzz/run.py hcl CORPUS_DIRECTORY -runs=1000000

What follows the target goes to libFuzzer. A crash is written as ``crash-*`` to the current directory; replay it with
``python tests/fuzz/run.py hcl crash-…``.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["scanner"]):
    from targets import TARGETS

from seeds import seeds, words


def main() -> None:
    target, arguments = sys.argv[1], sys.argv[2:]
    dictionary = Path(tempfile.mkdtemp()) / "words"
    escaped = ("".join(f"\\x{byte:02x}" for byte in word.encode()) for word in words(target))
    dictionary.write_text("".join(f'"{word}"\n' for word in escaped))
    for place in (Path(argument) for argument in arguments):
        if place.is_dir() and not any(place.iterdir()):
            for number, text in enumerate(seeds(target)):
                (place / f"seed-{number:04}").write_text(text)
    options = [f"-dict={dictionary}", "-max_len=6000", "-timeout=10", "-rss_limit_mb=1500", *arguments]
    atheris.Setup([sys.argv[0], *options], TARGETS[target])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
