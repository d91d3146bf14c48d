"""A tree gives nothing from outside its root, whatever a path looks like and wherever links lead."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from scanner.project.tree import Tree, Unreadable, normalise


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A directory with links out of it, in it and in circles; beside it a directory of the same shape."""
    for name in ("root", "beside"):
        (tmp_path / name / "a").mkdir(parents=True)
        (tmp_path / name / "a" / "x.yaml").write_text(name)
        (tmp_path / name / "x.yaml").write_text(name)
    inside = tmp_path / "root"
    (inside / "out").symlink_to(tmp_path / "beside")
    (inside / "up").symlink_to("..")
    (inside / "x-out.yaml").symlink_to("../beside/x.yaml")
    (inside / "chain").symlink_to("out/a")
    (inside / "whole").symlink_to("/")
    (inside / "loop").symlink_to("loop")
    (inside / "dangling").symlink_to("../nothing")
    (inside / "alias").symlink_to("a")
    return inside


OUTSIDE = (
    "..", "../beside", "../beside/x.yaml", "a/../..", "a/../../beside/x.yaml", "./..", "/", "/etc", "/etc/passwd",
    "/x.yaml", "//x.yaml", "out", "out/x.yaml", "out/a/x.yaml", "up",
    "up/beside/x.yaml", "x-out.yaml", "chain", "chain/x.yaml", "whole", "whole/etc/passwd", "loop", "loop/x.yaml",
    "dangling", "dangling/x.yaml", "a/\0", "\0", "out\0", "../root-2", "../root.yaml",
)  # fmt: skip
INSIDE = ("", ".", "a", "a/", "./a", "a/.", "a/..", "a/../a", "alias", "alias/../a", "a/x.yaml", "alias/x.yaml")


@pytest.mark.parametrize("path", OUTSIDE)
def test_what_is_outside_is_not_there(path: str, root: Path) -> None:
    (root.parent / "root-2").mkdir()
    (root.parent / "root.yaml").write_text("beside")
    tree = Tree(root)
    for _ in range(2):  # the second time directories are known
        assert tree.absolute(path) is None
        assert (tree.exists(path), tree.is_file(path), tree.is_dir(path)) == (False, False, False)
        assert (tree.list(path), list(tree.walk(path))) == ([], [])
        for read in (tree.read, tree.read_bytes):
            with pytest.raises(Unreadable) as refused:
                read(path)
            assert refused.value.code == "outside-root"


@pytest.mark.parametrize("path", INSIDE)
def test_what_is_inside_is_there(path: str, root: Path) -> None:
    tree = Tree(root)
    assert tree.exists(path)
    assert tree.absolute(path) == (root / path).resolve()


def test_walking_enters_no_link(root: Path) -> None:
    found = list(Tree(root).walk(""))
    assert [path for path in found if "/" in path] == ["a/x.yaml"]
    assert {"out", "up", "chain", "whole", "alias"}.isdisjoint(found)


def test_a_link_that_is_turned_elsewhere_meanwhile_stays_confined(root: Path) -> None:
    tree = Tree(root)
    assert tree.read("alias/x.yaml").text == "root"
    (root / "alias").unlink()
    (root / "alias").symlink_to("../beside")
    (root / "late.yaml").write_text("root")
    assert tree.is_file("late.yaml")
    (root / "late.yaml").unlink()
    (root / "late.yaml").symlink_to("../beside/x.yaml")
    assert tree.read("alias/x.yaml").text == "root"
    with pytest.raises(Unreadable):
        tree.read("late.yaml")


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_only_regular_files_are_read(make: Callable[[Path], None], root: Path) -> None:
    make(root / "odd.yaml")
    with pytest.raises(Unreadable) as refused:
        Tree(root).read("odd.yaml")
    assert refused.value.code == "not-a-file"


@pytest.mark.parametrize(
    ("path", "normal"),
    [("a/../b", "b"), ("../a", "../a"), ("../../a", "../../a"), ("a/../../b", "../b"), ("./a/.", "a"), ("a//b", "a/b"),
     ("..", ".."), ("a/..", "")],
)  # fmt: skip
def test_steps_that_lead_out_are_kept(path: str, normal: str) -> None:
    assert normalise(path) == normal
