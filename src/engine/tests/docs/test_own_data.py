"""The sources that docs/how-to/own-data.md shows do what it says."""

import json
import re
from pathlib import Path

from projects import Project, make_table

PAGE = Path(__file__).parents[4] / "docs/how-to/own-data.md"


def use(project: Project, name: str, arguments: str) -> None:
    """The page's module of that name as the source of ``tiny``."""
    blocks = re.findall(r"`src/sources/(\w+)\.py`:\n\n```python\n(.*?)```", PAGE.read_text(), re.S)
    project.write(f"src/sources/{name}.py", dict(blocks)[name])
    source = f"{{kind: python, function: sources.{name}:table, arguments: {arguments}}}"
    project.edit("data", "{kind: csv, path: data/tiny.csv}", source)


def test_what_the_consumer_of_a_queue_keeps_is_a_source(project: Project) -> None:
    before = json.loads(project.tagship("validate", "tiny", "--json").out)
    visits = make_table()
    for day, rows in {"01": visits[:200], "02": visits[150:], "03": visits[:5]}.items():
        text = rows.to_json(orient="records", lines=True, double_precision=15)
        project.write(f"data/visits/2026-11-{day}.jsonl", text)
    use(project, "visits", '{folder: data/visits, until: "2026-11-03"}')
    assert json.loads(project.tagship("validate", "tiny", "--json").out) == before
