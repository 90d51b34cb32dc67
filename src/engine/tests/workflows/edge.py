"""What stands at the edge in the tests: gh, docker, cosign and make, recorded.

Each is a small program on PATH that keeps its state as files in the folder EDGE.
"""

import json
import stat
import sys
from pathlib import Path
from typing import Any, ClassVar

_HEAD = f"#!{sys.executable} -IS\n" + """
import hashlib, json, os, pathlib, sys
EDGE = pathlib.Path(os.environ["EDGE"])
ARGUMENTS = sys.argv[1:]
NAME = pathlib.Path(sys.argv[0]).name

def load(name, otherwise):
    path = EDGE / name
    return json.loads(path.read_text()) if path.is_file() else otherwise

def save(name, value):
    (EDGE / name).write_text(json.dumps(value))

def refuse(text):
    sys.exit(f"{NAME}: {text}")

def option(name):
    return ARGUMENTS[ARGUMENTS.index(name) + 1] if name in ARGUMENTS else refuse(f"no {name}")

save("calls.json", load("calls.json", []) + [[NAME, *ARGUMENTS]])
"""

PROGRAMS = {
    "gh": """
TOKEN = json.loads(os.environ.get("GH_TOKEN") or refuse("not logged in"))

def need(permission):
    if TOKEN.get(permission) not in ("write", "read"):
        refuse(f"HTTP 403: the token has no {permission}")
    return TOKEN[permission]

ISSUES = load("issues.json", [])
PATH = next((a for a in ARGUMENTS if a.startswith("repos/")), "").partition("?")[0].split("/")[3:]

def is_issue(number):
    return any(str(one["number"]) == number for one in ISSUES)

if ARGUMENTS[:2] == ["pr", "list"]:
    need("pull-requests")
    found = [p for p in load("pulls.json", []) if p["head"] == option("--head") and p["open"]]
    print(json.dumps([
        {key: p.get(key, False) for key in option("--json").split(",")} for p in found
    ]))
elif ARGUMENTS[:2] == ["pr", "edit"]:
    if need("pull-requests") != "write":
        refuse("HTTP 403: the token may not edit pull requests")
    pulls = load("pulls.json", [])
    (one,) = [p for p in pulls if p["url"] == ARGUMENTS[2]]
    one |= {"title": option("--title"), "body": sys.stdin.read()}
    save("pulls.json", pulls)
elif ARGUMENTS[0] == "api" and PATH == ["releases"]:
    need("contents")
    print(json.dumps([load("releases.json", [])]))
elif ARGUMENTS[0] == "release":
    if need("contents") != "write":
        refuse("HTTP 403: Resource not accessible by integration")
    tag, *paths = ARGUMENTS[ARGUMENTS.index("--") + 1:]
    releases = load("releases.json", [])
    (one,) = [r for r in releases if r["tag_name"] == tag] or [{"tag_name": tag, "files": {}}]
    if ARGUMENTS[1] == "create":
        if one in releases or "--verify-tag" not in ARGUMENTS:
            refuse("a release with the same tag name already exists, or the tag is not asked for")
        one["html_url"] = f"https://github.example/releases/{tag}"
        print(one["html_url"])
    if ARGUMENTS[1] in ("create", "edit"):
        one |= {"title": option("--title"), "body": sys.stdin.read()}
    for path in map(pathlib.Path, paths):
        if path.name in one["files"] and "--clobber" not in ARGUMENTS:
            refuse(f"asset under the same name already exists: {path.name}")
        one["files"][path.name] = path.read_text()
    save("releases.json", [r for r in releases if r["tag_name"] != tag] + [one])
elif ARGUMENTS[0] == "api" and PATH == ["issues"] and "--slurp" in ARGUMENTS:
    need("issues")
    print(json.dumps([[one for one in ISSUES if one["state"] == "open"]]))
elif ARGUMENTS[0] == "api" and PATH[:1] == ["issues"] and len(PATH) < 3:
    if need("issues") != "write":
        refuse("HTTP 403: Resource not accessible by integration")
    given = json.loads(sys.stdin.read())
    if option("--method") == "POST":
        about = {"number": len(ISSUES) + 41, "user": {"type": "Bot"}, "state": "open"}
        ISSUES.append({**about, **given})
    else:
        (one,) = [one for one in ISSUES if str(one["number"]) == PATH[1]]
        one |= given
    save("issues.json", ISSUES)
elif ARGUMENTS[:2] == ["pr", "create"]:
    if need("pull-requests") != "write":
        refuse("HTTP 403: the token may not open pull requests")
    pulls = load("pulls.json", [])
    url = f"https://github.example/pull/{len(pulls) + 1}"
    body = sys.stdin.read()
    made = {"url": url, "head": option("--head"), "title": option("--title"), "body": body}
    save("pulls.json", pulls + [{**made, "open": True}])
    print(url)
elif ARGUMENTS[0] == "api" and ARGUMENTS[1].endswith("/pulls"):
    need("pull-requests")
    print(json.dumps(load("merged.json", {}).get(ARGUMENTS[1].split("/")[-2], [])))
elif ARGUMENTS[0] == "api" and "/reviews?" in ARGUMENTS[-1]:
    need("pull-requests")
    print(json.dumps([load("reviews.json", {}).get(ARGUMENTS[-1].split("/")[-2], [])]))
elif ARGUMENTS[0] == "api" and "--slurp" in ARGUMENTS:
    need("issues" if is_issue(PATH[1]) else "pull-requests")
    found = [c for c in load("comments.json", []) if c.get("on", PATH[1]) == PATH[1]]
    print(json.dumps([found]))
elif ARGUMENTS[0] == "api" and "/comments" in ARGUMENTS[3]:
    kind = "issues" if is_issue(PATH[1]) or "issues" in TOKEN else "pull-requests"
    if need(kind) != "write":
        refuse("HTTP 403: Resource not accessible by integration")
    comments, body = load("comments.json", []), json.loads(sys.stdin.read())["body"]
    if option("--method") == "POST":
        about = {"id": len(comments) + 7, "user": {"type": "Bot"}, "on": PATH[1]}
        comments.append({**about, "body": body})
    else:
        for one in comments:
            if ARGUMENTS[3].endswith(f"/{one['id']}"):
                one["body"] = body
    save("comments.json", comments)
else:
    refuse(f"what is {ARGUMENTS}?")
""",
    "docker": """
if ARGUMENTS[0] == "build":
    context = pathlib.Path(ARGUMENTS[-1])
    if not pathlib.Path(option("--file")).is_file() or not (context / "bento.yaml").is_file():
        refuse("no Dockerfile, or the context is no bento")
    record = json.loads((context / "src/artifact/record.json").read_text())
    save("built.json", {**load("built.json", {}), option("--tag"): record})
elif ARGUMENTS[0] == "push":
    record = load("built.json", {}).get(ARGUMENTS[1]) or refuse("it was never built")
    digest = "sha256:" + hashlib.sha256(json.dumps(record).encode()).hexdigest()
    save("pushed.json", {**load("pushed.json", {}), ARGUMENTS[1]: digest})
elif ARGUMENTS[0] == "login":
    save("login.json", [option("--username"), ARGUMENTS[-1], sys.stdin.read()])
elif ARGUMENTS[0] == "inspect":
    name = ARGUMENTS[-1]
    print(json.dumps([name.rpartition(":")[0] + "@" + load("pushed.json", {})[name]]))
else:
    refuse(f"what is {ARGUMENTS}?")
""",
    "cosign": """
if ARGUMENTS[:2] != ["sign", "--yes"] or "@sha256:" not in ARGUMENTS[2]:
    refuse("sign an image by its digest, without asking")
""",
    "make": """
words = pathlib.Path("Makefile").read_text()
if len(ARGUMENTS) != 1 or f"\\n{ARGUMENTS[0]}:" not in words:
    refuse(f"no rule to make target {ARGUMENTS}")
pathlib.Path(".venv/bin").mkdir(parents=True)
pathlib.Path(".venv/bin/tagship").symlink_to(os.environ["WARM_CLIENT"])
""",
}


class Edge:
    """The programs and their state."""

    tagship: ClassVar[dict[str, str]] = {}
    """What a step's environment needs to find the command line: see ``warm``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bin = folder / "bin"
        self.bin.mkdir(parents=True, exist_ok=True)
        for name, text in PROGRAMS.items():
            path = self.bin / name
            path.write_text(_HEAD + text)
            path.chmod(path.stat().st_mode | stat.S_IXUSR)

    def load(self, name: str, otherwise: Any) -> Any:
        path = self.folder / f"{name}.json"
        return json.loads(path.read_text()) if path.is_file() else otherwise

    def save(self, name: str, value: Any) -> None:
        (self.folder / f"{name}.json").write_text(json.dumps(value))

    def calls(self, program: str) -> list[list[str]]:
        """What a program was called with."""
        return [call[1:] for call in self.load("calls", []) if call[0] == program]
