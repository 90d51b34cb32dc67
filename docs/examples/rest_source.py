"""Orders, page by page, from the API of the shop.

Copy it to src/sources/orders.py. The environment says where the API is, SHOP_API, and holds the
token, SHOP_TOKEN. Each page names the next in `next`; the last has none.
"""

import os
from typing import Any
from urllib.parse import urljoin, urlsplit

import pandas as pd
import requests
from requests.adapters import HTTPAdapter
from tagship.errors import TagshipError
from urllib3.util import Retry

# A page that fails for a moment is asked for again, three times, each time later.
RETRIES = Retry(total=3, backoff_factor=0.3, status_forcelist=[429, 500, 502, 503, 504])


def table(until: str) -> pd.DataFrame:
    """Every order before a day, such as 2026-11-01."""
    rows: list[dict[str, Any]] = []
    pages = [f"{os.environ['SHOP_API']}/orders?until={until}"]
    with requests.Session() as session:
        session.mount("https://", HTTPAdapter(max_retries=RETRIES))
        session.mount("http://", HTTPAdapter(max_retries=RETRIES))
        session.headers["Authorization"] = f"Bearer {os.environ['SHOP_TOKEN']}"
        while True:
            content = read_page(session, pages[-1])
            rows += content["orders"]
            if not content["next"]:
                break
            pages.append(check_next(pages, content["next"]))
    return pd.DataFrame(rows).sort_values("order_id")


def read_page(session: requests.Session, page: str) -> dict[str, Any]:
    """What a page holds."""
    try:
        answer = session.get(page, timeout=60)
        answer.raise_for_status()
        content: dict[str, Any] = answer.json()
    except requests.RequestException as error:
        raise TagshipError(f"{page}: {error}", "is the API up, and SHOP_TOKEN good?") from None
    return content


def check_next(pages: list[str], link: str) -> str:
    """The address of the next page: of the same server, which gets the token, and a new one."""
    page = urljoin(pages[-1], link)
    if urlsplit(page)[:2] != urlsplit(pages[0])[:2]:
        raise TagshipError(f"{pages[-1]}: its next page is at another server: {page}")
    if page in pages:
        raise TagshipError(f"{pages[-1]}: its next page was read before: {page}")
    return page
