"""Standard output for a protocol alone."""

from __future__ import annotations

import io
import os
import sys


def take_output() -> io.BufferedWriter:
    """The real standard output; whatever else is written there from now on goes to standard error.

    Engines that are loaded into the process, such as the one that renders charts, may print, and one such line
    between two messages ends a session.
    """
    sys.stdout.flush()
    taken = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return taken
