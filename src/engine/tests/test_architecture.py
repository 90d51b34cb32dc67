"""Imports point one way and work on every system; nothing reaches for pickle."""

import ast
import re
import subprocess
import sys
import tokenize
from pathlib import Path

import pytest

import tagship
from tagship.bento import build

ENGINE = Path(tagship.__file__).parent

FLOORS = [
    {"errors", "documentation"},
    {"files", "formatting", "project_functions", "subprocesses"},
    {"config"},
    {"contract"},
    {"sources"},
    {"compute"},
    {"data"},
    {"training"},
    {"verdict"},
    {"behaviour"},
    {"gitops", "reports", "serving"},
    {"gates", "bento", "batch"},
    {"comparison", "new_model"},
    {"monitoring", "pipeline", "demo", "explanation"},
    {"tuning", "site"},
    {"cli"},
    {"__main__"},
]
"""From the ground up; a part imports only from floors below its own."""


def parts():
    for path in sorted(ENGINE.rglob("*.py")):
        inside = path.relative_to(ENGINE)
        yield (inside.parts[0] if len(inside.parts) > 1 else inside.stem), path


def imports(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names)


def test_every_part_imports_only_from_the_floors_below():
    floor = {part: level for level, names in enumerate(FLOORS) for part in names}
    for part, path in parts():
        if part == "__init__":
            continue
        for name in imports(path):
            if name.startswith("tagship."):
                other = name.split(".")[1]
                assert other == part or floor[other] < floor[part], f"{path}: imports {name}"


@pytest.mark.parametrize("word", ["pickle", "joblib", "cloudpickle"])
def test_nothing_reads_or_writes_pickles(word):
    for _, path in parts():
        assert word not in {name.split(".")[0] for name in imports(path)}, path
        assert "allow_pickle=True" not in path.read_text(encoding="utf-8"), path


def test_the_serving_image_gets_only_what_serving_imports():
    packed = {name.removesuffix(".py") for name in build.ENGINE}
    allowed = {f"tagship.{name.replace('/', '.')}" for name in packed} | {"tagship"}
    outside = {"bentoml", "msgspec", "numpy", "onnxruntime", "pydantic", "yaml", "starlette"}
    outside |= {"httptools", "prometheus_client", "uvicorn"}
    for part, path in parts():
        name = path.relative_to(ENGINE).with_suffix("").as_posix()
        if part != "serving" and (part != "contract" or name not in packed):
            continue
        for name in imports(path):
            top = name.split(".")[0]
            own = name.startswith("tagship.serving") or name in allowed
            assert own or top in outside or top in sys.stdlib_module_names, f"{path}: {name}"


IMPORT_WITHOUT = """
import importlib, sys

class Hider:
    hidden = set(sys.argv[2].split())

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in self.hidden:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

for name in Hider.hidden:
    sys.modules.pop(name, None)
sys.meta_path.insert(0, Hider())
for name in sys.argv[1].split():
    importlib.import_module(name)
"""
UNIX_ONLY = "curses fcntl grp pty pwd readline resource syslog termios tty uvloop"


def test_every_module_is_imported_where_the_modules_of_unix_are_not():
    names = [path.relative_to(ENGINE.parent).with_suffix("") for _, path in parts()]
    modules = [".".join(name.parts).removesuffix(".__init__") for name in names]
    modules.remove("tagship.__main__")
    command = [sys.executable, "-c", IMPORT_WITHOUT, " ".join(modules), UNIX_ONLY]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_forking_server_says_on_another_system_what_it_needs(monkeypatch):
    from tagship.serving import server

    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(sys, "argv", ["server", "bento"])
    with pytest.raises(SystemExit, match="needs Linux; here is win32\n  → run `tagship serve`"):
        server.main()


def private_names(path):
    """What a module uses of others that is not meant for it, with the line."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    own = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    own |= {node.name for node in ast.walk(tree) if isinstance(node, ast.AsyncFunctionDef)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            own.add(node.attr)
        if isinstance(node, ast.AnnAssign | ast.Assign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            own |= {target.id for target in targets if isinstance(target, ast.Name)}
    for name in imports(path):
        if any(map(is_private, name.split("."))):
            yield f"imports {name}"
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield from (f"imports {n.name}" for n in node.names if is_private(n.name))
        elif isinstance(node, ast.Attribute):
            if is_private(node.attr) and node.attr not in own:
                yield f"{node.lineno}: {ast.unparse(node)}"
            if isinstance(node.ctx, ast.Store) and node.attr == "__class__":
                yield f"{node.lineno}: {ast.unparse(node)} is assigned"
        changed = node.value if isinstance(node, ast.Subscript) else None
        changed = node.func.value if is_method(node, "update") else changed
        written = changed is not None and not isinstance(getattr(node, "ctx", None), ast.Load)
        if written and ast.unparse(changed) == "sys.modules":
            yield f"{node.lineno}: writes to sys.modules"


DOCUMENTED = {"_replace", "_exit"}
"""Of ``namedtuple`` and ``os``: public in spite of their name."""


def is_private(name):
    return name.startswith("_") and not name.startswith("__") and name not in DOCUMENTED


def is_method(node, name):
    called = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    return called and node.func.attr == name


def test_no_library_s_private_names_are_used():
    assert [f"{path.name}: {name}" for _, path in parts() for name in private_names(path)] == []


def test_private_names_are_seen(tmp_path):
    path = tmp_path / "module.py"
    path.write_text(
        "import sys\nfrom bentoml._internal.log import configure\nfrom bentoml import _x\n"
        "class Own:\n    def __init__(self):\n        self._mine = 1\n"
        "Own()._mine\nhistogram._buckets[0]\nservice.__class__ = Own\n"
        "sys.modules['a'] = 1\nsys.modules.update({})\ndel sys.modules['a']\nsys.modules['a']\n"
    )
    assert sorted(private_names(path)) == [
        "10: writes to sys.modules",
        "11: writes to sys.modules",
        "12: writes to sys.modules",
        "8: histogram._buckets",
        "9: service.__class__ is assigned",
        "imports _x",
        "imports bentoml._internal.log",
    ]


def classes_of_one_name(folder):
    """Public classes that several modules define: each name with its modules."""
    modules = {}
    for path in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                modules.setdefault(node.name, []).append(path.relative_to(folder).as_posix())
    return {name: places for name, places in modules.items() if len(places) > 1}


def test_no_two_public_classes_have_one_name():
    assert classes_of_one_name(ENGINE) == {}


def test_two_classes_of_one_name_are_seen(tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "module.py").write_text("class Window: ...\nclass _Private: ...\n")
    (tmp_path / "other/module.py").write_text(
        "class _Private: ...\ndef function():\n    class Window: ...\n"
    )
    assert classes_of_one_name(tmp_path) == {"Window": ["module.py", "other/module.py"]}


VAGUE = {"found", "one", "some", "spelt", "built", "usurper", "proofs", "look", "look_at", "its"}
VAGUE |= {"said", "told", "gone", "given", "wanted", "rest", "here", "there", "got"}
"""Refused as names; in prose they are ordinary English."""


def vague_names(path):
    """Names in a module that do not say what they hold, each with its line."""
    with path.open("rb") as file:
        for token in tokenize.tokenize(file.readline):
            if token.type == tokenize.NAME and token.string in VAGUE:
                yield f"{token.start[0]}: {token.string}"


MOST_LINES = 350


def test_no_module_is_longer_than_one_sitting():
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for _, path in parts()}
    assert {path: count for path, count in lines.items() if count > MOST_LINES} == {}


def test_every_module_says_in_its_first_line_what_it_is_for():
    silent = [path for _, path in parts() if not path.read_text(encoding="utf-8").startswith('"""')]
    assert silent == []


def test_names_say_what_they_hold():
    assert [f"{path}: {name}" for _, path in parts() for name in vague_names(path)] == []


def test_vague_names_are_seen(tmp_path):
    path = tmp_path / "module.py"
    path.write_text('"""What was found."""\none = 1  # some\nprint(one.built, f(look=2))\n')
    assert list(vague_names(path)) == ["2: one", "3: one", "3: built", "3: look"]


def test_nothing_is_left_for_later():
    unfinished = re.compile(r"\b(TODO|FIXME|XXX|NotImplementedError)\b")
    for _, path in parts():
        assert not unfinished.search(path.read_text(encoding="utf-8")), path
