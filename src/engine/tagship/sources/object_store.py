"""Objects of S3, Google Cloud and Azure: which version of one is read, and why it cannot be."""

from collections.abc import Mapping
from typing import Any

from tagship.errors import TagshipError
from tagship.sources.identity import Identity

PACKAGES = {"s3": '"tagship[s3]"', "gs": "gcsfs", "gcs": "gcsfs", "az": "adlfs", "abfs": "adlfs"}
"""What to install for each store, by the protocol of its addresses."""
_STAMPS = (
    "mtime", "ETag", "etag", "VersionId", "md5Hash", "LastModified", "last_modified", "updated",
)  # fmt: skip
"""What file systems call that which changes when a file is written again."""
_VERSION = "?versionId="
_OPTIONS: dict[str, dict[str, Any]] = {
    "s3": {
        "version_aware": True,
        "skip_instance_cache": True,  # the environment's credentials may be others by now
        "config_kwargs": {"retries": {"total_max_attempts": 2, "mode": "standard"}},
    }
}
_ATTEMPTS = 2
"""Of s3fs, beside botocore's: a server that takes connections and is silent costs a minute."""


def open_store(url: str) -> tuple[Any, str]:
    """The file system of an address, as fsspec has it, and the path there.

    Raises:
        ImportError, ValueError: its library is missing, or there is no such protocol.
    """
    import fsspec

    protocol = url.partition("://")[0]
    filesystem, remote = fsspec.core.url_to_fs(url, **_OPTIONS.get(protocol, {}))
    if protocol == "s3":
        filesystem.retries = _ATTEMPTS
    return filesystem, remote


def file_stamps(info: Mapping[str, Any]) -> dict[str, str]:
    """What tells a file from what stands there at another time; empty where nothing does."""
    return {key: str(info[key]) for key in _STAMPS if info.get(key)}


def at_version(url: str, expected: Identity | None) -> str:
    """The address of the very version that a lock names, where it names one of S3."""
    if not url.startswith("s3://") or not expected or "version" not in expected:
        return url
    return f"{url.partition(_VERSION)[0]}{_VERSION}{expected['version']}"


def object_words(info: Mapping[str, str]) -> Identity:
    """What names the version of an object, the strongest first.

    An overwritten object has another ``version``, which stays to be had, where its bucket keeps
    versions; elsewhere an ``etag`` at least tells that it was overwritten.
    """
    words = {"version": info.get("VersionId", ""), "etag": info.get("ETag") or info.get("etag", "")}
    return {key: word.strip('"') for key, word in words.items() if word not in ("", "null")}


def explain_object(error: Exception, shown: str, expected: Identity | None) -> TagshipError | None:
    """What an error of a store means to people; None where it says nothing of its own."""
    place = f"source.path: {shown}"
    if type(error.__cause__).__name__ == "NoSuchBucket":
        return TagshipError(f"{place}: no such bucket", "check its name, and which store is asked")
    if isinstance(error, FileNotFoundError):
        if expected and "version" in expected:
            return TagshipError(
                f"{place}: version {expected['version']}, which the lock names, is no longer there",
                "restore it, or train again and commit the new lock",
            )
        return TagshipError(f"{place}: not found (404)", "check the bucket and the key")
    if isinstance(error, PermissionError):
        return TagshipError(
            f"{place}: the store refuses: {error}",
            "check the credentials in the environment, and whether they may read this"
            + (" version: s3:GetObjectVersion" if expected and "version" in expected else ""),
        )
    if type(error).__module__ == "botocore.exceptions":
        from botocore import exceptions

        if isinstance(error, exceptions.NoCredentialsError | exceptions.PartialCredentialsError):
            hint = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"
            return TagshipError(f"{place}: {error}", hint)
        if isinstance(error, exceptions.ConnectionError | exceptions.HTTPClientError):
            hint = "check AWS_ENDPOINT_URL and the network"
            return TagshipError(f"{place}: the server cannot be reached: {error}", hint)
    return None
