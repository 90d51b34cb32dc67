"""``tagship monitor`` of one model on large logs: peak memory and time, nothing deployed.

Feedback is delivered twice, and half of it is for requests that the log does not hold. There is no
peer: what counts is that memory does not grow with the log.
"""

import json
import shutil
import sys
import tempfile
from pathlib import Path

from measure import ROOT, TAGSHIP, Figure, Sample, options, run, save
from project import copy_models

MEMORY_MB = 1_000
MODEL = "churn"

_LOG = """
import csv, json, sys, uuid, random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tagship.config.project_files import load_model
from tagship.training.lock import read_lock
root, model = Path(sys.argv[1]), sys.argv[2]
requests, feedback_bytes = int(sys.argv[3]), int(sys.argv[4])
files = load_model(root, model)
fields = {name: column.dtype for name, column in files.data.request.items()}
read = {"bool": lambda t: t.lower() in ("1", "true"), "int": lambda t: int(float(t))}
read |= {"float": float, "category": str}
with (root / f"{model}.csv").open(newline="") as file:
    rows = list(csv.DictReader(file))
records = [json.dumps({n: read[k](row[n]) if row[n] else None for n, k in fields.items()})
           for row in rows]
folder = root / ".tagship" / "predictions" / model
folder.mkdir(parents=True)
draw, now = random.Random(7), datetime.now(UTC)
artifact = read_lock(files.lock_path).artifact.sha256
ids = [uuid.UUID(int=draw.getrandbits(128)).hex for _ in range(requests)]
spelt = lambda t: t.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
begin = now - timedelta(hours=23)
stamp = f"{begin:%Y%m%dT%H%M%S%f}"
with (folder / f"predictions-{stamp}-1.jsonl").open("w") as file:
    for at, name in enumerate(ids):
        time = spelt(begin + timedelta(hours=22) * (at / requests))
        p = draw.random()
        answer = {"prediction": "yes" if p >= 0.5 else "no", "probability": p}
        about = {"model": model, "release": "unreleased", "model_sha256": artifact}
        head = {"schema": 1, "time": time, "request_id": name} | about
        text = json.dumps(head)[:-1]
        request, response = records[at % len(records)], json.dumps(answer)
        file.write(f'{text},"request":{request},"response":{response}}}\\n')
written, part, time = 0, 0, spelt(now - timedelta(minutes=5))
while written < feedback_bytes:
    with (folder / f"feedback-{stamp}-{part}.jsonl").open("w") as file:
        for at in range(200_000):
            name = ids[at * 7 % requests] if at % 2 else uuid.UUID(int=draw.getrandbits(128)).hex
            label = {"schema": 1, "time": time, "request_id": name, "row": 0}
            line = json.dumps(label | {"actual": "yes" if at % 4 == 1 else "no"}) + "\\n"
            written += file.write(line)
            if written >= feedback_bytes:
                break
    part += 1
"""

_FINDINGS_ARE_NO_FAILURE = """
import subprocess, sys
sys.exit(subprocess.run(sys.argv[1:]).returncode not in (0, 3, 4, 5))
"""


def watch(folder: Path, requests: int, feedback_mib: int) -> tuple[Sample, dict]:
    """Write a log and look at it; the look is the command's answer."""
    copy_models(folder, (MODEL,))
    for name in ("model.lock.yaml", "reference.json"):
        shutil.copy(ROOT / "config" / MODEL / name, folder / "config" / MODEL)
    sizes = (str(requests), str(feedback_mib * 1024 * 1024))
    run([sys.executable, "-c", _LOG, str(folder), MODEL, *sizes])
    look = [TAGSHIP, "monitor", MODEL, "--env", "local", "--json"]
    sample = run([sys.executable, "-c", _FINDINGS_ARE_NO_FAILURE, *look], folder)
    return sample, json.JSONDecoder().raw_decode(sample.output[sample.output.index("[") :])[0][0]


def main() -> None:
    given = options(__doc__)
    cases = {"feedback": (2_000, 1), "both": (4_000, 1)}
    if not given.quick:
        cases = {"feedback": (200_000, 523), "both": (750_000, 256)}
    samples: dict[str, list[Sample]] = {}
    figures, notes = [], {}
    for name, (requests, feedback) in cases.items():
        with tempfile.TemporaryDirectory(prefix="tagship-bench-") as temporary:
            sample, look = watch(Path(temporary), requests, feedback)
        samples[name] = [sample]
        joined = (look["performance"] or {"labels": {}})["labels"]
        notes[name] = {"rows": look["rows"], "one_in": look["one_in"], "labels": joined}
        what = f"monitor: {requests:,} requests, {feedback} MiB of feedback"
        figures += [
            Figure(
                f"{what}: peak memory", f"{sample.peak_mb:,.0f} MB", "", None,
                f"<= {MEMORY_MB:,} MB", sample.peak_mb <= MEMORY_MB,
            ),
            Figure(f"{what}: time", f"{sample.seconds:.1f} s", "", None, "", None),
        ]  # fmt: skip
    save("watch", given, figures, samples, notes)


if __name__ == "__main__":
    main()
