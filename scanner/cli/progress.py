"""What is going on, on one line of the terminal, for anything that takes longer than a second."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator

DELAY_SECONDS = 1.0
STEP_SECONDS = 0.1
CLEAR = "\r\x1b[K"


@contextlib.contextmanager
def progress(wanted: bool) -> Iterator[Callable[[str], None] | None]:
    """A function that takes what is being done now; ``None`` where nothing is to be shown."""
    if not wanted or sys.stderr is None or not sys.stderr.isatty():
        yield None
        return
    current = [""]
    done = threading.Event()
    thread = threading.Thread(target=_show, args=(current, done), daemon=True)
    thread.start()
    try:
        yield lambda text: current.__setitem__(0, text)
    finally:
        done.set()
        thread.join()


def _show(current: list[str], done: threading.Event) -> None:
    import shutil

    from scanner.report.clean import one_line

    shown = ""
    wait = DELAY_SECONDS
    while not done.wait(wait):
        wait = STEP_SECONDS
        text = one_line(current[0])[: shutil.get_terminal_size().columns - 1]
        if text != shown:
            sys.stderr.write(CLEAR + text)
            sys.stderr.flush()
            shown = text
    if shown:
        sys.stderr.write(CLEAR)
        sys.stderr.flush()
