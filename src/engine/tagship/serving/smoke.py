"""After a sync: does the service run the release of its record, and does it predict?

Run in the model's own image as ``python -m tagship.serving.smoke``. Standard library only.
"""

import http.client
import json
import os
import re
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tagship.contract.example import example_value

DEPLOYED_RECORD = Path("/etc/tagship/release.yaml")
BOUNDARY = Path(__file__).parents[2] / "artifact" / "boundary.json"
SECONDS = 60
"""How long a service may take to be reachable."""
COMPARED = ("model", "release", "model_sha256")


class Difference(Exception):
    """What the service does is not what its record says."""


def main() -> int:
    """Compare and predict; 0 when all is as recorded, else 1 and why."""
    url = os.environ.get("SERVICE_URL", "").rstrip("/")
    try:
        if not url:
            raise Difference("SERVICE_URL is not set: nothing to ask")
        record = read_record(Path(os.environ.get("TAGSHIP_RECORD", DEPLOYED_RECORD)))
        boundary = json.loads(BOUNDARY.read_text(encoding="utf-8"))
        print(check(url, record, boundary))
    except (Difference, OSError, ValueError) as error:
        print(f"smoke: {error}", file=sys.stderr)
        return 1
    return 0


def check(url: str, record: Mapping[str, str], boundary: Mapping[str, Any]) -> str:
    """Ask a service for what it runs and for one prediction; a sentence when both are right.

    Raises:
        Difference: names what was expected and what was found.
    """
    info = _ask(f"{url}/info")
    for key in COMPARED:
        if not record.get(key) or info.get(key) != record[key]:
            raise Difference(f"{key}: the record says {record.get(key)}, {url} {info.get(key)}")
    example = {field["name"]: example_value(field) for field in boundary["fields"]}
    answer = _ask(f"{url}/predict", example)
    if answer.get("release") != record["release"]:
        raise Difference(f"the prediction is of {answer.get('release')}, not {record['release']}")
    classes = boundary.get("classes") or []
    prediction = answer.get("prediction")
    label = str(prediction).lower() if isinstance(prediction, bool) else str(prediction)
    if (classes and label not in classes) or (
        not classes and not isinstance(prediction, int | float)
    ):
        raise Difference(
            f"the prediction is {prediction!r}, expected one of {classes or 'the numbers'}"
        )
    return f"{record['release']} runs at {url} and predicts {prediction!r}"


def read_record(path: Path) -> dict[str, str]:
    """The deployment record: flat YAML, each value a plain or quoted text."""
    record: dict[str, str] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        match = re.fullmatch(r"([a-z0-9_]+):\s+(.+?)\s*", line)
        if match:
            record[match[1]] = match[2].strip("\"'")
    return record


def _ask(url: str, content: Any = None) -> Any:
    """GET, or POST some JSON; waits for a service that cannot be reached yet."""
    if not url.startswith(("http://", "https://")):
        raise Difference(f"{url}: not an http address")
    body = None if content is None else json.dumps(content).encode()
    headers = {"Content-Type": "application/json"}
    if key := os.environ.get("TAGSHIP_API_KEY"):
        headers["Authorization"] = f"Bearer {key}"
    request = urllib.request.Request(url, data=body, headers=headers)  # noqa: S310
    end = time.monotonic() + SECONDS
    while True:
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
                return json.load(answer)
        except urllib.error.HTTPError as error:
            detail = error.read().decode(errors="replace")[:400]
            raise Difference(f"{url}: HTTP {error.code}: {detail}") from None
        except (OSError, http.client.HTTPException) as error:
            if time.monotonic() > end:
                raise Difference(f"{url}: no answer within {SECONDS} s: {error}") from None
            time.sleep(1)


if __name__ == "__main__":
    sys.exit(main())
