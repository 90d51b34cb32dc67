"""What the figures of one model say, in plain words."""

from collections.abc import Mapping, Sequence

from tagship.comparison.document import AgainstBest, CandidateFigures, Lead
from tagship.comparison.paired_tests import ALPHA
from tagship.formatting import brief, plain

METHOD = (
    "Two candidates are told apart when both the bootstrap of the same rows and the t test of the"
    " same folds, corrected for the rows that those share (Nadeau and Bengio, 2003), give p below"
    f" {ALPHA}, each corrected by Holm's method for all that are compared with the best. Where the"
    " scores of the rows are not here, the folds decide alone."
)
_COUNTS = {2: "two", 3: "three", 4: "four", 5: "five", 6: "six"}


def conclude(
    model: str, metric: str, candidates: Mapping[str, CandidateFigures], best: str
) -> list[str]:
    """Who wins, or that nobody does, and what is known of each other candidate.

    Args:
        candidates: those that have figures, the best among them.
    """
    mean = plain(candidates[best].metrics[metric].mean)
    rivals = {
        name: figures.against_best
        for name, figures in candidates.items()
        if figures.against_best is not None
    }
    if not rivals:
        return [
            f"{best} is the only candidate of {model}, with {metric} {mean} over the folds: there"
            " is nothing to compare it with."
        ]
    tests = {name: shown_test(against) for name, against in rivals.items()}
    tested = {name: test for name, test in tests.items() if test is not None}
    if len(tested) < len(tests):
        return [
            f"{best} has the best mean of {model}, {metric} {mean}. Whether chance explains its"
            " lead cannot be told: the values of the folds are not recorded."
        ]
    equal = [name for name, against in rivals.items() if not against.told_apart]
    beaten = [name for name in rivals if name not in equal]
    sentences = []
    if equal:
        sentences.append(_tie(model, candidates, [best, *equal], all_of_them=not beaten))
    for name in beaten:
        amount, interval = brief(tested[name].difference), _interval(tested[name])
        wins = f"{best} wins {model} by {amount} {metric} over {name}"
        beats = f"{best} beats {name} by {amount} {metric}"
        sentence = beats if sentences else wins
        sentences.append(f"{sentence}; the interval {interval} excludes 0.")
    return sentences + [_why_equal(best, metric, name, tested[name]) for name in equal]


def shown_test(against: AgainstBest) -> Lead | None:
    """The test whose difference and interval are shown: of the rows where they are here."""
    return against.rows or against.folds


def p_text(p_value: float) -> str:
    """A p-value as people read it."""
    return "< 0.001" if p_value < 0.001 else f"{p_value:.2g}"


def _tie(
    model: str, candidates: Mapping[str, CandidateFigures], names: Sequence[str], all_of_them: bool
) -> str:
    count = _COUNTS.get(len(names), str(len(names)))
    who = f"The {count} candidates" if all_of_them else _listed(names)
    sentence = f"{who} of {model} cannot be told apart"
    seconds = {name: candidates[name].seconds for name in names}
    durations = {name: value for name, value in seconds.items() if value is not None}
    if len(durations) < len(names):
        return f"{sentence}; which is the cheapest to train is not recorded."
    cheapest, *dearer = sorted(durations, key=lambda name: durations[name])
    costs = _listed([plain(durations[name], 2) for name in dearer])
    return (
        f"{sentence}: take the cheapest, {cheapest} (trained in {plain(durations[cheapest], 2)} s,"
        f" the {'others' if len(dearer) > 1 else 'other'} in {costs} s)."
    )


def _why_equal(best: str, metric: str, name: str, test: Lead) -> str:
    sentence = f"{best} is ahead of {name} by {brief(test.difference)} {metric}"
    interval = f"the interval {_interval(test)}"
    if test.low <= 0 or test.difference <= 0:
        return f"{sentence}, but {interval} includes 0."
    if test.corrected_p_value >= ALPHA:
        return (
            f"{sentence}, and {interval} excludes 0, but not once corrected for many comparisons."
        )
    return (
        f"{sentence}, and {interval} excludes 0 on these rows, but the lead is not steady over the"
        " folds: another training may reverse it."
    )


def _interval(test: Lead) -> str:
    return f"{brief(test.low)} to {brief(test.high)}"


def _listed(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
