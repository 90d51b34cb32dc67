"""``tagship export``: the pipeline for other tools that run steps."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from tagship.cli.models import Models, load

if TYPE_CHECKING:
    from tagship.config.project import ProjectConfig

app = typer.Typer(help="Write the pipeline for another tool.", no_args_is_help=True)

STAGES = {
    "ingest": "tagship describe {model} --html",
    "validate": "tagship validate {model}",
    "prepare": "tagship check {model}",
    "train": "tagship train {model}",
    "evaluate": "tagship gate {model}",
    "gate": "tagship lock write {model}",
    "register": "tagship record {model} && tagship build {model}",
}
"""Each stage and its command, which works from what the stages before left on disk."""

_DAG = '''\
"""From data to a locked and registered bento, stage by stage, in Airflow 3.

Written by `tagship export airflow`. TAGSHIP_PROJECT is the project's folder, with its own .venv:
all tasks of a run work in it, so they must run on one machine or a shared disk, one run at a time.
Nothing is deployed here: commit the new lock, open a pull request, release it.
"""

import os
from datetime import datetime

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, chain

PROJECT = os.environ.get("TAGSHIP_PROJECT", "/srv/{name}")
PATH = f"{{PROJECT}}/.venv/bin:{{os.environ['PATH']}}"
MODELS = {models}
STAGES = {stages}

for model in MODELS:
    with DAG(
        dag_id=f"tagship_{{model}}",
        schedule=None,
        start_date=datetime(2026, 1, 1),
        catchup=False,
        max_active_runs=1,
        tags=["tagship"],
    ):
        tasks = [
            BashOperator(
                task_id=stage,
                bash_command=command.format(model=model),
                cwd=PROJECT,
                env={{"PATH": PATH}},
                append_env=True,
            )
            for stage, command in STAGES.items()
        ]
        chain(*tasks)
'''


@app.command("airflow")
def airflow(models: Models = None) -> None:
    """Print an Airflow DAG whose tasks call this command line, one DAG for each model.

    Save it in the DAGs folder: `tagship export airflow > dags/tagship.py`.
    """
    from tagship.config.project_files import load_project
    from tagship.config.root import find_root

    names = [files.name for files in load(models)]
    typer.echo(airflow_dag(load_project(find_root()), names), nl=False)


def airflow_dag(project: "ProjectConfig", models: Sequence[str]) -> str:
    """The DAG file of a project, formatted as black would."""
    stages = "".join(f"    {_text(name)}: {_text(step)},\n" for name, step in STAGES.items())
    return _DAG.format(
        name=project.name,
        models="[" + ", ".join(map(_text, models)) + "]",
        stages=f"{{\n{stages}}}",
    )


def _text(value: str) -> str:
    return json.dumps(value)
