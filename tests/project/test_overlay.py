"""Texts that stand in for files."""

import os
from pathlib import Path

from repositories import write

from scanner.project.tree import Tree


def test_a_text_without_a_file_is_listed_and_walked(tmp_path: Path) -> None:
    write(tmp_path, {"a/one.tf": "", "b/two.tf": ""})
    tree = Tree(tmp_path, {"a/new.tf": "x", "a/one.tf": "y", "new/deep.tf": "z"})
    assert tree.list("a") == ["new.tf", "one.tf"]
    assert sorted(tree.walk("")) == ["a/new.tf", "a/one.tf", "b/two.tf", "new/deep.tf"]
    assert sorted(tree.walk("a")) == ["a/new.tf", "a/one.tf"]
    assert tree.read_bytes("a/one.tf") == b"y"


def test_what_is_left_out_or_outside_stays_so(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "root", {"../other.tfvars": "x", "node_modules/a.yaml": "y", "<stdin>": "z"})
    (tmp_path / "root").mkdir()
    assert list(tree.walk("")) == ["<stdin>"]
    assert tree.read("../other.tfvars").text == "x"


def test_engines_get_a_copy_with_the_texts_in_it(tmp_path: Path) -> None:
    root = tmp_path / "root"
    write(root, {"chart/Chart.yaml": "name: c", "chart/templates/a.yaml": "old", ".git/x": "", "chart/.git/y": ""})
    write(tmp_path, {"secret": "s"})
    (root / "chart" / "link").symlink_to(tmp_path / "secret")
    (root / "chart" / "inner").symlink_to(root / "chart" / "Chart.yaml")
    tree = Tree(root, {"chart/templates/a.yaml": "new"})
    place = tree.absolute("chart")
    assert place is not None and not place.is_relative_to(root)
    assert (place / "templates" / "a.yaml").read_text() == "new"
    assert (place / "inner").read_text() == "name: c"
    assert not (place / "link").exists() and not (place / ".git").exists()
    assert (root / "chart" / "templates" / "a.yaml").read_text() == "old"
    assert tree.absolute("chart") == place


def test_what_no_text_concerns_is_used_where_it_is(tmp_path: Path) -> None:
    write(tmp_path, {"chart/Chart.yaml": "", "a.yaml": ""})
    assert Tree(tmp_path, {"a.yaml": "x"}).absolute("chart") == tmp_path / "chart"


def test_the_copy_goes_with_the_tree(tmp_path: Path) -> None:
    write(tmp_path, {"chart/Chart.yaml": ""})
    tree = Tree(tmp_path, {"chart/a.yaml": "x"})
    place = tree.absolute("chart")
    assert place is not None and place.is_dir()
    del tree
    assert not place.exists()


def test_the_copy_holds_nothing_special_and_nothing_outside(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "c").mkdir(parents=True)
    (root / "c" / "kept.yaml").write_text("kept")
    os.mkfifo(root / "c" / "pipe")
    (root / "c" / "out").symlink_to(tmp_path)
    tree = Tree(root, {"c/new.yaml": "new", "../kilter-test-outside.yaml": "new"})
    place = tree.absolute("")
    assert place is not None and place != root
    assert sorted(path.relative_to(place).as_posix() for path in place.rglob("*")) == ["c", "c/kept.yaml", "c/new.yaml"]
    assert not (place.parent / "kilter-test-outside.yaml").exists()
