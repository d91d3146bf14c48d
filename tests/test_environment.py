"""Which variables of the environment the code reads: SECURITY.md promises that it is no others."""

import ast
from pathlib import Path

SCANNER = Path(__file__).parent.parent / "scanner"
READ = {
    "CI", "FORCE_COLOR", "HOME", "KILTER_CACHE_DIR", "NO_COLOR", "PRE_COMMIT_FROM_REF", "PRE_COMMIT_TO_REF", "TERM",
    "USERPROFILE", "XDG_CACHE_HOME",
}  # fmt: skip
LOOKED_THROUGH = {"cli/settings.py": "TF_VAR_", "cli/eval_command.py": "TF_VAR_", "project/git.py": "for git itself",
                  "frontends/helm.py": "for the engine itself"}  # fmt: skip
"""Files that go through all variables, and for which."""


def test_no_other_variables_are_read() -> None:
    names, others = set(), set()
    for path in sorted(SCANNER.rglob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        uses = sum(isinstance(node, ast.Attribute) and node.attr in ("environ", "environb") for node in ast.walk(tree))
        got = [
            node.args[0].value
            for node in ast.walk(tree)
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "get"
            and ast.unparse(node.func.value) == "os.environ"
            and isinstance(node.args[0], ast.Constant)
        ]
        names.update(got)
        if uses > len(got):
            others.add(path.relative_to(SCANNER).as_posix())
        assert "getenv" not in path.read_text("utf-8")
    assert names == READ
    assert others == LOOKED_THROUGH.keys()
