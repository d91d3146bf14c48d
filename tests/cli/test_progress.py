import os
import sys
import time

import pytest

from scanner.cli.progress import CLEAR, progress


def run(monkeypatch: pytest.MonkeyPatch, seconds: float, wanted: bool = True) -> str:
    """What progress writes on a terminal while work takes some seconds."""
    pty = pytest.importorskip("pty")
    main, terminal = pty.openpty()
    with os.fdopen(terminal, "w") as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        with progress(wanted) as note:
            if note is not None:
                note("reading \x1b[31mhostile.yaml")
            time.sleep(seconds)
        stream.write("end")
        stream.flush()
        text = ""
        while not text.endswith("end"):
            text += os.read(main, 4096).decode()
    os.close(main)
    return text.removesuffix("end")


def test_long_work_shows_what_is_done_and_clears_it(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = run(monkeypatch, 1.4)
    assert "hostile.yaml" in shown
    assert "\x1b[31m" not in shown
    assert shown.endswith(CLEAR)


def test_short_work_and_no_progress_show_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, 0.1) == ""
    assert run(monkeypatch, 1.3, wanted=False) == ""


def test_what_is_no_terminal_gets_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with progress(True) as note:
        assert note is None
