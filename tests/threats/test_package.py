"""What the package itself never does, and what it may depend on."""

import ast
import re
import tomllib
from pathlib import Path

import engagectl

PACKAGE = Path(engagectl.__file__).parent
ROOT = Path(__file__).parents[2]
CALLS = {"eval", "exec", "compile", "__import__", "system", "popen", "unsafe_load", "full_load", "from_pickle"}
MODULES = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "telnetlib", "ftplib", "smtplib", "xmlrpc"}
PARSED = [(path, ast.parse(path.read_text())) for path in sorted(PACKAGE.rglob("*.py"))]


def test_nothing_is_evaluated_unpickled_or_given_to_a_shell() -> None:
    found = []
    for path, tree in PARSED:
        for node in ast.walk(tree):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [one.name for one in node.names]
                found += [(path.name, name) for name in names if name.partition(".")[0] in MODULES]
            if isinstance(node, ast.Call):
                called = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
                of_re = isinstance(node.func, ast.Attribute) and ast.unparse(node.func.value) == "re"
                if called in CALLS and not of_re:
                    found.append((path.name, called))
                told = {word.arg: ast.unparse(word.value) for word in node.keywords}
                found += [(path.name, "shell=True")] if told.get("shell") == "True" else []
                found += [(path.name, "verify=False")] if told.get("verify") == "False" else []
    assert found == []


def test_the_lower_bounds_hold_the_fixes() -> None:
    """CVE-2024-56326 and CVE-2025-27516: jinja2 3.1.5 and 3.1.6."""
    wanted = {"jinja2": (3, 1, 6)}
    said = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    for name, version in wanted.items():
        (line,) = [one for one in said if re.match(rf"{name}\b", one)]
        bound = re.search(r">=([0-9.]+)", line)
        assert bound is not None
        assert tuple(map(int, bound[1].split("."))) >= version
    assert all(re.search(r">=.*<|==|; sys_platform", one) for one in said), "every dependency has two bounds"
