"""From data to a locked and registered bento, stage by stage, in Airflow 3.

Copy it into the DAGs folder and name your models in MODELS. TAGSHIP_PROJECT is the folder of the
project, with its own .venv: all tasks of a run work in it, so they must run on one machine or a
shared disk, one run at a time. Nothing is deployed here: commit the new lock, open a pull request,
release it.

A stage that needs a server, of the source or of MLflow, is tried again. Any other fails because of
what it judges, such as a gate: its failure stands.
"""

import os
from datetime import datetime, timedelta

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, chain

PROJECT = os.environ.get("TAGSHIP_PROJECT", "/srv/models")
PATH = f"{PROJECT}/.venv/bin:{os.environ['PATH']}"
MODELS = ["churn"]
STAGES = {
    "ingest": "tagship describe {model} --html",
    "validate": "tagship validate {model}",
    "prepare": "tagship check {model}",
    "train": "tagship train {model}",
    "evaluate": "tagship gate {model}",
    "gate": "tagship lock write {model}",
    "register": "tagship record {model} && tagship build {model}",
}
RETRIED = ["ingest", "train", "register"]

for model in MODELS:
    with DAG(
        dag_id=f"tagship_{model}",
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
                env={"PATH": PATH},
                append_env=True,
                retries=2 if stage in RETRIED else 0,
                retry_delay=timedelta(minutes=5),
            )
            for stage, command in STAGES.items()
        ]
        chain(*tasks)
