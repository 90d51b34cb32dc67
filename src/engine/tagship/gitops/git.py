"""The only file that runs git: arguments as lists, no shell, English messages, clear refusals."""

import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tagship.documentation import page
from tagship.errors import TagshipError
from tagship.gitops.objects import Entry, Objects, entries

LOCAL = "refs/tags/"
"""Where the user's own tags are."""
MIRROR = "refs/tagship/tags/"
"""Where the remote's tags are kept, apart from those."""
_FIELDS = (
    "refname", "objecttype", "objectname", "tag", "*objectname", "*objecttype",
    "taggerdate:unix", "taggername", "contents:subject", "contents:body", "contents:signature",
)  # fmt: skip
_SETTINGS = (
    "core.quotePath=off", "core.fsmonitor=false", "color.ui=never", "log.showSignature=false",
    "i18n.commitEncoding=UTF-8", "i18n.logOutputEncoding=UTF-8", "diff.relative=false",
    "status.showUntrackedFiles=normal", "status.relativePaths=false", "submodule.recurse=false",
    "fetch.pruneTags=false", "fetch.recurseSubmodules=false", "push.followTags=false",
    "push.recurseSubmodules=no", "push.pushOption=", "gc.auto=0", "maintenance.auto=false",
)  # fmt: skip
"""What every call decides itself, whatever the user's configuration says.

Identity, credentials, signing, proxies and hooks stay the user's.
"""
_INHERITED = (
    "GIT_AUTHOR_", "GIT_COMMITTER_", "GIT_CONFIG_", "GIT_SSH", "GIT_ASKPASS", "GIT_SSL_",
    "GIT_HTTP_", "GIT_PROXY_", "GIT_ALLOW_PROTOCOL", "GIT_EXEC_PATH",
)  # fmt: skip
"""Of git's own variables, those that keep their effect; any other could show another repository."""
_NETWORK = {"ls-remote": 60.0, "fetch": 300.0, "push": 300.0}
"""The commands that wait for the remote, and for how many seconds."""
_HIDDEN = frozenset("hsmrck") | {"S"}
"""How ``ls-files -v`` marks what is assumed to be unchanged, or kept out of the work tree."""
_SILENCE = 10.0
"""After how many seconds a wait is told of, and again."""


@dataclass(frozen=True)
class RawTag:
    """A tag as Git holds it, not yet understood."""

    name: str
    annotated: bool
    object: str
    """The tag object, or the commit itself for a lightweight tag."""
    own_name: str
    """The name written inside the tag object."""
    commit: str
    """Empty when the tag does not point straight at a commit."""
    date: datetime | None
    """None when it is beyond the years of a calendar."""
    tagger: str
    subject: str
    body: str
    signed: bool


@dataclass(frozen=True)
class Remote:
    """What the remote said: its default branch, its branches' heads, and its refs but for tags."""

    default: str
    heads: Mapping[str, str]
    others: tuple[str, ...] = ()
    """The full names of all refs that are no tags."""


class Git:
    """One repository and its remote ``origin``."""

    def __init__(self, root: Path, remote: str = "origin") -> None:
        self.root = root
        self.remote = remote
        settings = (*_SETTINGS, f"remote.{remote}.pruneTags=false")
        chosen = [word for setting in settings for word in ("-c", setting)]
        self._command = ["git", *chosen, "-C", str(root)]
        self._objects = Objects(self._command, _environment({}))
        self._known: dict[tuple[str, ...], str] = {}
        """What git said of objects by their hash, which never changes."""

    def run(self, *arguments: str, stdin: str | None = None, **environment: str) -> str:
        """Run ``git`` and return what it printed.

        Raises:
            TagshipError: with git's own last words.
        """
        done = self._call(arguments, stdin, environment)
        if done.returncode:
            raise TagshipError(f"git {arguments[0]}: {_last_words(done.stderr)}")
        return done.stdout

    def succeeds(self, *arguments: str) -> bool:
        """Whether ``git`` exits with 0."""
        return self._call(arguments, None, {}).returncode == 0

    def _call(
        self, arguments: tuple[str, ...], stdin: str | None, environment: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        command = [*self._command, *arguments]
        given = (stdin or "").encode(errors="surrogateescape")
        try:
            process = subprocess.Popen(
                command, env=_environment(environment), stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            )  # fmt: skip
        except FileNotFoundError:
            raise TagshipError("git is not installed", "install git 2.39 or later") from None
        printed = _await(process, given, f"git {arguments[0]}", _NETWORK.get(arguments[0]))
        text = [part.decode(errors="surrogateescape") for part in printed]
        return subprocess.CompletedProcess(command, process.returncode, *text)

    # what the clone is

    def has_remote(self) -> bool:
        """Whether ``origin`` is configured."""
        return self.succeeds("config", "--get", f"remote.{self.remote}.url")

    def tracks(self, path: str) -> bool:
        """Whether a file of the work tree is one of a repository's, if there is a repository.

        Raises:
            TagshipError: git refuses to say, for example because others own the repository.
        """
        done = self._call(("ls-files", "--error-unmatch", "--", path), None, {})
        if done.returncode and not re.search("not a git repository|did not match", done.stderr):
            raise TagshipError(f"git ls-files: {_last_words(done.stderr)}")
        return done.returncode == 0

    def check_top(self) -> None:
        """Refuse a project that is a folder of a larger repository.

        Raises:
            TagshipError: its tags and paths are those of the repository, not the project's.
        """
        prefix = self.run("rev-parse", "--show-prefix").strip()
        if prefix:
            raise TagshipError(
                f"{self.root}: the project is the folder {prefix} of a larger repository",
                "give it a repository of its own: tags, deploy/ and .github/ stand at its top",
            )

    def is_shallow(self) -> bool:
        """Whether history is cut off; a fetch of this instance does not change that."""
        return self._fixed("rev-parse", "--is-shallow-repository").strip() == "true"

    def branch(self) -> str | None:
        """The branch that is checked out; None when HEAD is detached."""
        done = self._call(("symbolic-ref", "--quiet", "--short", "HEAD"), None, {})
        return done.stdout.strip() or None

    def dirty(self) -> list[str]:
        """The paths that are changed or untracked, or that git was told not to look at."""
        changed = [line[3:] for line in self.run("status", "--porcelain").splitlines()]
        flagged = (line for line in self.run("ls-files", "-v").splitlines() if line[0] in _HIDDEN)
        hidden = (line[2:] for line in flagged)
        return changed + [path for path in hidden if (self.root / path).exists()]

    def identity(self) -> str:
        """Who tags: ``Name <mail>``.

        Raises:
            TagshipError: git does not know.
        """
        done = self._call(("var", "GIT_COMMITTER_IDENT"), None, {})
        if done.returncode:
            raise TagshipError(
                "git does not know who you are",
                'git config user.name "…" and git config user.email "…"',
            )
        return done.stdout.rsplit(" ", 2)[0]

    # reading

    def resolve(self, revision: str) -> str | None:
        """The commit that a revision names, if any."""
        done = self._call(
            ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"),
            None, {},
        )  # fmt: skip
        return done.stdout.strip() or None

    def show(self, commit: str, path: str) -> str | None:
        """A file's text at a commit; None when it is not there."""
        blob = self._objects.read(f"{commit}:{path}")
        if blob is None or blob.kind != "blob":
            return None
        return blob.content.decode(errors="surrogateescape")

    def tree(self, commit: str, path: str) -> str:
        """The hash of a folder at a commit; empty when it is not there."""
        tree = self._objects.read(f"{commit}:{path}")
        return tree.name if tree else ""

    def blob(self, name: str) -> bytes:
        """A file's content, by its hash.

        Raises:
            TagshipError: this clone does not have it.
        """
        found = self._objects.read(name)
        if found is None or found.kind != "blob":
            raise TagshipError(f"{name}: no such file in this clone", "git fetch --refetch origin")
        return found.content

    def entries(self, commit: str, folder: str) -> list[Entry]:
        """What a folder holds at a commit; nothing when it is not there."""
        found = self._objects.read(f"{commit}:{folder}")
        return entries(found) if found and found.kind == "tree" else []

    def listing(self, tree: str) -> list[tuple[str, Entry]]:
        """Every file below a tree with its path."""
        held = self._objects.read(tree)
        found: list[tuple[str, Entry]] = []
        for entry in entries(held) if held and held.kind == "tree" else []:
            below = self.listing(entry.hash) if entry.mode == "40000" else [("", entry)]
            found += [(f"{entry.name}/{path}" if path else entry.name, each)
                      for path, each in below]  # fmt: skip
        return found

    def message(self, commit: str) -> str:
        """A commit's message; empty when this clone does not have it."""
        found = self._objects.read(commit)
        text = found.content.decode(errors="surrogateescape") if found else ""
        return text.partition("\n\n")[2]

    def own_folder(self) -> Path:
        """Git's own folder, which all work trees of this clone share."""
        said = self._fixed("rev-parse", "--git-common-dir").strip()
        return (self.root / said).resolve()

    def _fixed(self, *arguments: str) -> str:
        """What git says of objects that are named by their hashes, asked once."""
        if arguments not in self._known:
            self._known[arguments] = self.run(*arguments)
        return self._known[arguments]

    def parents(self, commit: str) -> list[str]:
        """A commit's parents."""
        return self.run("rev-list", "--parents", "-n", "1", commit).split()[1:]

    def last_change(self, commit: str, path: str) -> str:
        """The commit by which a path got its content on a branch: a merge counts as one change."""
        form = ("-1", "--first-parent", "--format=%H")
        return self.run("log", *form, commit, "--", path).strip()

    def history(self, commit: str, path: str) -> list[str]:
        """The commits of a branch by which a path got its content, newest first."""
        return self.run("log", "--first-parent", "--format=%H", commit, "--", path).split()

    def changed(self, old: str, new: str) -> list[str]:
        """The paths whose content differs between two commits."""
        return self.run("diff", "--name-only", "-z", "--no-renames", old, new).split("\0")[:-1]

    def is_ancestor(self, old: str, new: str) -> bool:
        """Whether ``old`` is ``new`` or came before it."""
        key = ("merge-base", "--is-ancestor", old, new)
        if key not in self._known:
            self._known[key] = "yes" if self.succeeds(*key) else ""
        return bool(self._known[key])

    def tags(self, namespace: str = MIRROR) -> list[RawTag]:
        """Every tag of a namespace with its message, in one call."""
        layout = "%00".join(f"%({field})" for field in _FIELDS) + "%00"
        output = self.run("for-each-ref", f"--format={layout}", namespace)
        values = output.split("\0")
        size = len(_FIELDS)
        rows = [values[at : at + size] for at in range(0, len(values) - 1, size)]
        return [_raw_tag(row, namespace) for row in rows]

    def local_tags(self) -> dict[str, str]:
        """This clone's own tags, mirrored or not: name → object."""
        listing = self.run("for-each-ref", "--format=%(refname:lstrip=2) %(objectname)", LOCAL)
        pairs = (line.rpartition(" ") for line in listing.splitlines())
        return {name: held for name, _, held in pairs}

    # the remote

    def sync(self) -> Remote:
        """Fetch the default branch and mirror all tags; the remote's word replaces what was here.

        Raises:
            TagshipError: the remote cannot be reached or has no default branch.
        """
        lines = self.run("ls-remote", "--symref", self.remote).splitlines()
        default = ""
        heads: dict[str, str] = {}
        others: list[str] = []
        for line in lines:
            value, _, ref = line.partition("\t")
            if value.startswith("ref: refs/heads/") and ref == "HEAD":
                default = value.removeprefix("ref: refs/heads/")
            elif ref.startswith("refs/heads/"):
                heads[ref.removeprefix("refs/heads/")] = value
            if ref.startswith("refs/") and not ref.startswith("refs/tags/"):
                others.append(ref)
        if default not in heads:
            raise TagshipError(
                f"the remote '{self.remote}' has no default branch", "push your main branch first"
            )
        branch = f"+refs/heads/{default}:refs/remotes/{self.remote}/{default}"
        quiet = ("--quiet", "--no-tags", "--prune", "--no-write-fetch-head", "--refmap=")
        self.run("fetch", *quiet, self.remote, branch, f"+refs/tags/*:{MIRROR}*")
        return Remote(default, heads, tuple(others))

    def fetch(self, commit: str) -> None:
        """Bring one commit of the remote here."""
        if not self.succeeds("cat-file", "-e", f"{commit}^{{commit}}"):
            self.run("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", self.remote, commit)

    def push(self, source: str, ref: str, expected: str | None = None) -> bool:
        """Push one ref as a compare-and-swap; False when someone else was there first.

        ``expected`` is what the remote's ref must hold now; None means that it must not exist.

        Raises:
            TagshipError: the remote refuses (a rule, a hook, no permission, no network).
        """
        lease = f"--force-with-lease={ref}:{expected or ''}"
        done = self._call(("push", "--porcelain", lease, self.remote, f"{source}:{ref}"), None, {})
        listing = self._call(("ls-remote", self.remote, ref), None, {})
        held = listing.stdout.split()[0] if listing.stdout else ""
        if held == self.run("rev-parse", source).strip():
            return True
        if done.returncode == 0:
            raise TagshipError(
                f"{ref} was pushed, but '{self.remote}' does not have it"
                + (": it holds other content" if held else ""),
                f"`git remote -v`: its push URL is another repository than the one that is"
                f" read, or something removes it there; git config --unset"
                f" remote.{self.remote}.pushurl",
            )
        if listing.returncode == 0 and held != (expected or ""):
            return False
        words = [line for line in done.stdout.splitlines() if line.startswith("!")]
        reason = words[0].split("\t")[-1] if words else ""
        told = re.findall(r"^remote: (.+?)\s*$", done.stderr, re.MULTILINE)
        said = " ".join([reason, *told[:3]] if reason else [_all_words(done.stderr)])
        way = "check your permission and the repository's rulesets"
        if "GH013" in said or "creations being restricted" in said:
            way = f"a ruleset leaves this to the workflows, such as {_by_workflow(ref)}"
        if "refusing to allow" in said and "workflow" in said:
            way = f"run this in a clone, or keep a TAGSHIP_TOKEN: {page('how-to/release')}"
        raise TagshipError(f"the remote refused {ref}: {said}", way)

    # writing objects; nothing is visible until a ref is pushed

    def tag(self, name: str, commit: str, message: str, sign: bool = False) -> str:
        """Make an annotated tag object and return its hash; no ref holds it yet."""
        self.identity()
        if not (sign or self._signs()):
            tagger = self.run("var", "GIT_COMMITTER_IDENT").strip()
            head = f"object {commit}\ntype commit\ntag {name}\ntagger {tagger}\n\n"
            return self.run("mktag", stdin=head + message).strip()
        form = ("--sign", "--force", "--cleanup=verbatim", "-F", "-", "--")
        self.run("tag", *form, name, commit, stdin=message)
        made = self.run("rev-parse", f"refs/tags/{name}").strip()
        self.run("update-ref", "-d", f"refs/tags/{name}")
        return made

    def _signs(self) -> bool:
        """Whether the user has git sign annotated tags."""
        keys = ("tag.gpgSign", "tag.forceSignAnnotated")
        said = (self._call(("config", "--type=bool", "--get", key), None, {}) for key in keys)
        return any(done.stdout.strip() == "true" for done in said)

    def keep(self, name: str, tag: str) -> None:
        """Let this clone's ``refs/tags/<name>`` hold a tag object."""
        self.run("update-ref", f"refs/tags/{name}", tag)

    def graft(
        self, parent: str, folder: str, source: str, files: Mapping[str, str], message: str
    ) -> str:
        """Commit ``parent`` with a top folder as it is at another commit, and files beside it."""
        listed = self.run("ls-tree", "-z", parent).split("\0")
        other = {folder, *files}
        lines = [line for line in listed if line and line.partition("\t")[2] not in other]
        held = self.tree(source, folder)
        lines += [f"040000 tree {held}\t{folder}"] if held else []
        for name, text in files.items():
            blob = self.run("hash-object", "-w", "--stdin", stdin=text).strip()
            lines.append(f"100644 blob {blob}\t{name}")
        made = self.run("mktree", "-z", stdin="".join(f"{line}\0" for line in lines)).strip()
        return self._commit_tree(made, parent, message)

    def commit(self, parent: str, contents: Mapping[str, str], message: str) -> str:
        """Commit ``parent`` with some files replaced, without touching the work tree."""
        with tempfile.TemporaryDirectory() as folder:
            index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
            self.run("read-tree", parent, **index)
            for path, text in contents.items():
                blob = self.run("hash-object", "-w", "--stdin", stdin=text).strip()
                self.run("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}", **index)
            tree = self.run("write-tree", **index).strip()
        return self._commit_tree(tree, parent, message)

    def _commit_tree(self, tree: str, parent: str, message: str) -> str:
        """Its dates are the parent's, so that the same change gives the same commit again."""
        self.identity()
        date = self.run("show", "-s", "--format=%cI", parent).strip()
        dates = {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}
        return self.run(
            "commit-tree", tree, "-p", parent, "-F", "-", stdin=message, **dates
        ).strip()

    @contextmanager
    def checkout(self, commit: str) -> Iterator[Path]:
        """A temporary work tree at a commit."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "tree"
            self.run("worktree", "add", "--quiet", "--detach", str(path), commit)
            try:
                yield path
            finally:
                self.run("worktree", "remove", "--force", str(path))


def _environment(more: Mapping[str, str]) -> dict[str, str]:
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith("GIT_") or key.startswith(_INHERITED)
    }
    own = {"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_NO_REPLACE_OBJECTS": "1"}
    return {**kept, **own, **more}


def _await(
    process: subprocess.Popen[bytes], stdin: bytes, what: str, limit: float | None
) -> tuple[bytes, bytes]:
    """What a process printed; one that waits for the network is given up after ``limit`` seconds.

    Raises:
        TagshipError: it took longer, and was ended.
    """
    given: bytes | None = stdin
    begun = time.monotonic()
    while True:
        left = None if limit is None else limit - (time.monotonic() - begun)
        try:
            return process.communicate(given, None if left is None else min(left, _SILENCE))
        except subprocess.TimeoutExpired:
            waited = time.monotonic() - begun
        except BaseException:
            _end(process)
            raise
        given = None  # it is kept by the first call
        if limit is not None and waited >= limit:
            _end(process)
            raise TagshipError(
                f"{what}: the remote did not answer within {limit:g} seconds",
                "try `git ls-remote origin`; then run this again",
            )
        print(f"{what}: waiting for the remote, {waited:.0f} s so far", file=sys.stderr)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(5)
    process.kill()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream:
            with suppress(OSError):
                stream.close()


def jitter(attempt: int) -> float:
    """Seconds to wait before trying again, longer and more random each time."""
    return random.uniform(0, 0.05 * 2 ** min(attempt, 6))  # noqa: S311


def _raw_tag(row: list[str], namespace: str) -> RawTag:
    ref, kind, own, named, peeled, peeled_kind, unix, tagger, subject, body, signature = row
    annotated = kind == "tag"
    target, target_kind = (peeled, peeled_kind) if annotated else (own, kind)
    return RawTag(
        name=ref.lstrip("\n").removeprefix(namespace),
        annotated=annotated,
        object=own,
        own_name=named,
        commit=target if target_kind == "commit" else "",
        date=_date(unix),
        tagger=tagger,
        subject=subject,
        body=body,
        signed=bool(signature),
    )


def _date(unix: str) -> datetime | None:
    try:
        return datetime.fromtimestamp(int(unix or 0), UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _by_workflow(ref: str) -> str:
    """How a workflow does what a ruleset forbids in a shell."""
    parts = ref.removeprefix("refs/tags/").split("/")
    if not ref.startswith("refs/tags/") or len(parts) != 3:
        return f"those of {page('how-to/release')}"
    model, environment, _ = parts
    return (
        f"gh workflow run rollback.yml -f model={model} -f environment={environment}"
        f' -f reason="…" (or promote.yml): {page("how-to/rollback")}'
    )


def _all_words(stderr: str) -> str:
    """What git and its hooks said of a push, without git's own summary of it."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    said = [line for line in lines if not line.startswith("error: failed to push some refs")]
    return " ".join(said[-5:]).removeprefix("fatal: ") or "it did not say why"


def _last_words(stderr: str) -> str:
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    wanted = [line for line in lines if line.startswith(("fatal:", "error:"))]
    return (wanted or lines or ["failed without a word"])[0].removeprefix("fatal: ")
