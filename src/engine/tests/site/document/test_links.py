"""Pages of remotes, and addresses without what is secret in them."""

import pytest

from tagship.site.links import Links, repository_page
from tagship.sources.fetching import public_address, without_login


@pytest.mark.parametrize(
    ("address", "page"),
    [
        ("https://example.org/shop/models.git", "https://example.org/shop/models"),
        ("https://ada:s3cr3t@example.org/shop/models", "https://example.org/shop/models"),
        ("https://s3cr3t@example.org:8443/shop/models.git/", "https://example.org:8443/shop/models"),
        ("https://example.org/shop/models?private_token=s3cr3t#s3cr3t", "https://example.org/shop/models"),
        ("git@example.org:shop/models.git", "https://example.org/shop/models"),
        ("s3cr3t@example.org:shop/models.git", "https://example.org/shop/models"),
        ("ssh://git@example.org:2222/shop/models.git", "https://example.org/shop/models"),
        ("/srv/git/models.git", None),
        ("../models.git", None),
        ("file:///srv/git/models.git", None),
        ("C:\\models.git", None),
        ("C:/models.git", None),
        ("https://[broken/models", None),
        ("", None),
    ],
)  # fmt: skip
def test_a_remote_s_page_has_no_user_password_or_query(address: str, page: str | None) -> None:
    assert repository_page(address) == page


def test_addresses_in_texts_lose_their_logins() -> None:
    told = "fatal: unable to access 'https://ada:s3c/r3t@127.0.0.1:1/a/': refused; mail a@b.org"
    assert without_login(told) == (
        "fatal: unable to access 'https://127.0.0.1:1/a/': refused; mail a@b.org"
    )
    assert public_address("s3://bucket/t.csv?X-Amz-Signature=s3cr3t") == "s3://bucket/t.csv"
    assert public_address("data/what?.csv") == "data/what?.csv"


def test_names_in_links_are_quoted() -> None:
    links = Links("https://example.org/shop", "a" * 40)
    assert links.tag("churn/v1.0.0").url == "https://example.org/shop/tree/churn/v1.0.0"
    assert links.branch('x"><b>').url == "https://example.org/shop/tree/x%22%3E%3Cb%3E"
    assert Links(None, None).file("a b").url is None
