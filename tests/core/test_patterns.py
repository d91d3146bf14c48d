import re

import pytest

from scanner.core.patterns import lazy_pattern


def test_it_does_what_a_compiled_pattern_does() -> None:
    lazy, compiled = lazy_pattern(r"(\w)(\d+)", re.ASCII), re.compile(r"(\w)(\d+)", re.ASCII)
    text = "a1 b22 c333"
    for _ in range(2):
        assert lazy.findall(text) == compiled.findall(text)
        assert lazy.sub(r"\2", text) == compiled.sub(r"\2", text)
        assert [match.groups() for match in lazy.finditer(text)] == [
            match.groups() for match in compiled.finditer(text)
        ]
    assert (lazy.pattern, lazy.groups, lazy.flags) == (compiled.pattern, compiled.groups, compiled.flags)


def test_a_pattern_that_is_wrong_is_refused_at_its_first_use() -> None:
    wrong = lazy_pattern("(")
    with pytest.raises(re.error):
        wrong.search("")
