"""Tables as people have them, from ``tagship new`` to a bento, beside models written by hand.

A fifth of each table's rows is held out before ``tagship new`` sees the rest; ``tagship run`` packs
what it proposed, unedited, and ``tagship predict`` answers the held-out rows. On the same rows are
judged HistGradientBoosting and a random forest by their defaults and a linear model with one-hot
encoding, fitted to the rows that the winner was fitted to. Tables of R are there with the packages
of the group ``bench``. Names of tables choose some; ``--boost`` declares XGBoost and LightGBM.
"""

import json
import re
import sys
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import mean
from typing import Any

from measure import (
    HERE,
    ROOT,
    TAGSHIP,
    Figure,
    Options,
    Sample,
    command_line,
    parse_parts,
    run,
    save,
)
from project import copy_models

sys.path.insert(0, str(ROOT / "src"))  # the repository's own tables
from table_set import EXAMPLES, lay_out

MOST_WORSE = 0.01
_SHOWN_CHARACTERS = 160
QUICK = ("iris", "money", "leak")
_PROJECT = '[project]\nname = "tables"\ndependencies = ["tagship[boost]"]\n'


@dataclass(frozen=True)
class Outcome:
    """What became of one table."""

    name: str
    says: str
    """``bento``, or what refused it."""
    as_wanted: bool
    seconds: float
    """Of ``tagship new`` and ``tagship run``."""
    winner: str = ""
    scores: dict[str, float] = field(default_factory=dict)
    """The metric of the winner (``ours``) and of each peer."""
    metric: str = ""
    gap: float = 0.0
    """How much better the best peer is."""
    interval: tuple[float, float] = (0.0, 0.0)
    """Of the gap."""
    refused: float = 0.0
    """The share of held-out rows that ``tagship predict`` did not answer."""
    rows: dict[str, int] = field(default_factory=dict)

    @property
    def worse(self) -> bool:
        """Whether the best peer is better by more than the interval and the margin."""
        return self.gap > MOST_WORSE and self.interval[0] > 0

    @property
    def ranks(self) -> dict[str, float]:
        """1 is best; equals share the mean of their ranks."""
        values = {name: round(value, 4) for name, value in self.scores.items()}
        return {
            name: 0.5 + sum((other > value) + 0.5 * (other == value) for other in values.values())
            for name, value in values.items()
        }


def try_table(root: Path, name: str) -> tuple[Outcome, list[Sample]]:
    """From a table to answers for its held-out rows; a refusal is an answer, too."""
    example = EXAMPLES[name]
    data, later, clean = lay_out(name, root / "data")
    new = [TAGSHIP, "new", name, f"--data={data}", f"--target={_target(name)}", *example.options]
    samples = [run(new, root, may_fail=True)]
    if samples[0].code == 0:
        samples.append(run([TAGSHIP, "run", name], root, may_fail=True))
    seconds = sum(sample.seconds for sample in samples)
    if samples[-1].code:
        says = _refusal(name, samples[-1].output)
        agreed = example.wanted != "bento" and example.wanted in says
        return Outcome(name, says, agreed, seconds), samples
    lock = (root / "config" / name / "model.lock.yaml").read_text(encoding="utf-8")
    winner = re.findall(r"(?m)^  candidate: (\w+)", lock)[-1]
    answers = root / "data" / f"{name}-answers.csv"
    answered = run(
        [TAGSHIP, "predict", name, f"--input={later}", f"--output={answers}"], root, may_fail=True
    )
    if answered.code:
        says = f"bento; predict: {_refusal(name, answered.output)}"
        agreed = example.wanted != "bento" and example.wanted in says
        return Outcome(name, says, agreed, seconds, winner, refused=float(not agreed)), samples
    command = [sys.executable, str(HERE / "table_runs.py"), str(root), name, str(clean)]
    judged: dict[str, Any] = json.loads(run([*command, str(answers)]).output.splitlines()[-1])
    judged["interval"] = tuple(judged["interval"])
    del judged["best"]
    return Outcome(name, "bento", example.wanted == "bento", seconds, winner, **judged), samples


def _target(name: str) -> str:
    example = EXAMPLES[name]
    if example.header:
        return example.target
    return f"column_{list(example.make().columns).index(example.target) + 1}"


def _refusal(name: str, output: str) -> str:
    """The line of the output that says why: of a gate that failed, or of an error."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    if any(line.startswith("Traceback (most recent call last)") for line in lines):
        return f"broken: {lines[-1]}"
    gates = [line for line in lines if line.startswith(f"{name}: ") and ", wanted " in line]
    errors = [line for line in lines if line.startswith("error: ")]
    return (gates + errors + lines[-1:])[0][:_SHOWN_CHARACTERS]


def figures(outcomes: list[Outcome]) -> list[Figure]:
    """A line for each table, and what they come to."""
    made = []
    for each in outcomes:
        peers = {name: value for name, value in each.scores.items() if name != "ours"}
        best = max(peers, key=lambda name: peers[name], default="")
        size = f", {each.rows['trained']:,} rows" if each.rows else ""
        refused = f", {each.refused:.1%} refused" if each.refused else ""
        made.append(
            Figure(
                f"{each.name} ({EXAMPLES[each.name].traits}{size}): {each.says}"
                f" in {each.seconds:.0f} s{refused}",
                f"{each.metric} {each.scores['ours']:.3f} {each.winner}" if peers else "",
                f"{peers[best]:.3f} {best}" if peers else "",
                None,
                EXAMPLES[each.name].wanted,
                each.as_wanted and not each.worse,
            )
        )
    scored = [each for each in outcomes if each.scores]
    if not scored:
        return made
    wanted = sum(each.as_wanted for each in outcomes)
    mean_ranks = {
        name: mean(each.ranks[name] for each in scored) for name in dict.fromkeys(scored[0].scores)
    }
    best = min((name for name in mean_ranks if name != "ours"), key=lambda name: mean_ranks[name])
    widest = max(scored, key=lambda each: each.gap)
    worse = [each.name for each in scored if each.worse]
    ranks = ", ".join(f"{name} {rank:.2f}" for name, rank in mean_ranks.items())
    return [
        *made,
        Figure("tables with a bento or the wanted refusal", f"{wanted}", f"{len(outcomes)}", None,
               "all", wanted == len(outcomes)),
        Figure(f"mean rank on {len(scored)} tables ({ranks})", f"{mean_ranks['ours']:.2f}",
               f"{mean_ranks[best]:.2f} {best}", None, "<= peer",
               mean_ranks["ours"] <= mean_ranks[best]),
        Figure(f"widest gap to the best peer: {widest.name}", f"{widest.gap:.3f}",
               f"from {widest.interval[0]:.3f} to {widest.interval[1]:.3f}", None,
               f"<= {MOST_WORSE:g} or within the interval", not worse),
        Figure("mean share of held-out rows that are refused",
               f"{mean(each.refused for each in outcomes):.1%}", "", None, "", None),
    ]  # fmt: skip


def main() -> None:
    parser = command_line(__doc__)
    parser.add_argument("--boost", action="store_true", help="the project declares tagship[boost]")
    given = parse_parts(parser, EXAMPLES)
    names = QUICK if given.quick else given.parts
    outcomes, samples = [], {}
    with tempfile.TemporaryDirectory(prefix="tagship-bench-") as temporary:
        root = copy_models(Path(temporary), ())
        (root / "data").mkdir()
        if given.boost:
            (root / "pyproject.toml").write_text(_PROJECT, encoding="utf-8")
        for name in names:
            outcome, samples[name] = try_table(root, name)
            outcomes.append(outcome)
            print(figures([outcome])[0].what, file=sys.stderr, flush=True)
    notes = {each.name: asdict(each) for each in outcomes}
    save("tables", Options(given.quick, given.results), figures(outcomes), samples, notes)


if __name__ == "__main__":
    main()
