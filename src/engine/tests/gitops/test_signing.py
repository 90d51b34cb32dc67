"""Tags signed with a real key."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace

import pytest

from shop import Shop
from tagship.gitops.verify import verify
from tools import find_program


@pytest.fixture
def key() -> Iterator[None]:
    """A key of Ada's, in a keyring of its own (its path must be short for the agent's socket)."""
    find_program("gpg", hint="install GnuPG")
    with tempfile.TemporaryDirectory(dir="/tmp") as home, pytest.MonkeyPatch.context() as patch:
        patch.setenv("GNUPGHOME", home)
        command = ["gpg", "--batch", "--quiet", "--passphrase", "", "--quick-generate-key"]
        subprocess.run([*command, "Ada <ada@example.org>", "ed25519", "sign"], check=True)
        yield
        subprocess.run(["gpgconf", "--kill", "all"], check=False, env=dict(os.environ))


def test_a_signed_tag_is_read_like_any_and_its_signature_can_be_required(
    shipped: Shop, key: None
) -> None:
    shipped.verifier = replace(shipped.verifier, sign=True)
    name = shipped.rollback().tag.name
    assert verify(shipped.root, name, shipped.verifier, signed=True).ok
    current = shipped.snapshot().history.current("churn", "production")
    assert current is not None
    assert current.raw.signed
    unsigned = verify(shipped.root, "churn/production/2", shipped.verifier, signed=True)
    assert [check.what for check in unsigned.checks if check.problem] == [
        "it is signed by a known key"
    ]
