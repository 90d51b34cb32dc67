"""Setting the holdout apart, the folds within the rest, and whether anything leaks between them."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tagship.config.contract import DataConfig
from tagship.config.model import ModelConfig
from tagship.errors import TagshipError

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Holdout:
    """Row numbers of the training rows and of the holdout nobody trains on, each ascending."""

    train: Rows
    test: Rows


def split_table(table: pd.DataFrame, data: DataConfig, model: ModelConfig) -> Holdout:
    """Split as data.yaml declares.

    Raises:
        TagshipError: a side or a class would be left without rows.
    """
    from sklearn.model_selection import train_test_split

    split, rows = data.split, np.arange(len(table))
    if model.task != "regression":
        _check_rare(table[data.target.column], model.select.folds)
    try:
        if split.time is not None:
            train, test = _by_time(table[split.time], split.test)
        elif split.group is not None:
            train, test = _by_group(table[split.group].astype("str"), split.test, split.seed)
        else:
            labels = table[data.target.column] if split.stratify else None
            train, test = train_test_split(
                rows, test_size=split.test, random_state=split.seed, stratify=labels
            )
    except ValueError as error:
        raise TagshipError(f"split: {error}", "change `split` or bring more rows") from None
    holdout = Holdout(np.sort(train), np.sort(test))
    if model.task != "regression":
        _check_classes(table[data.target.column], holdout, model.select.folds)
    return holdout


def _by_time(times: pd.Series, share: float) -> tuple[Rows, Rows]:
    """The latest rows apart, about ``share`` of them; rows of one time stay on one side."""
    values = times.to_numpy()
    order: Rows = np.argsort(values, kind="stable")
    ordered = values[order]
    cuts = np.flatnonzero(ordered[1:] != ordered[:-1]) + 1
    if not len(cuts):
        raise ValueError(f"every row has the same '{times.name}', so none is later")
    ideal_cut = len(order) - max(1, round(len(order) * share))
    cut = cuts[np.abs(cuts - ideal_cut).argmin()]
    return order[:cut], order[cut:]


def _by_group(groups: pd.Series, share: float, seed: int) -> tuple[Rows, Rows]:
    """Whole groups apart, drawn by chance, whose rows come as near to ``share`` as they can."""
    codes, names = pd.factorize(groups, sort=True)
    if len(names) < 2:
        raise ValueError(f"every row has the same '{groups.name}': there is one group only")
    sizes, ideal_rows = np.bincount(codes), share * len(codes)
    in_holdout = np.zeros(len(names), dtype=bool)
    for group in np.random.default_rng(seed).permutation(len(names)):
        more = sizes[in_holdout].sum() + sizes[group]
        nearer = abs(more - ideal_rows) < abs(sizes[in_holdout].sum() - ideal_rows)
        in_holdout[group] = nearer and more < len(codes)
    if not in_holdout.any():
        in_holdout[sizes.argmin()] = True
    return np.flatnonzero(~in_holdout[codes]), np.flatnonzero(in_holdout[codes])


def _check_rare(target: pd.Series, folds: int) -> None:
    for label, count in target.value_counts().sort_index().items():
        if count <= folds:
            raise TagshipError(
                f"target.column: '{target.name}': class '{label}' has {count} rows, too few for"
                f" {folds} folds and a holdout",
                "bring more rows, lower select.folds in model.yaml, or drop the class",
            )


def _check_classes(target: pd.Series, holdout: Holdout, folds: int) -> None:
    for label in sorted(target.unique()):
        trained = int((target.iloc[holdout.train] == label).sum())
        tested = int((target.iloc[holdout.test] == label).sum())
        if trained < folds:
            raise TagshipError(
                f"split: class '{label}' has {trained} training rows, fewer than {folds} folds",
                "bring more rows, lower select.folds in model.yaml, or drop the class",
            )
        if tested == 0:
            raise TagshipError(
                f"split: class '{label}' has no row in the holdout",
                "set `stratify: true` or a larger `test` under split in data.yaml",
            )


def folds(
    table: pd.DataFrame, holdout: Holdout, data: DataConfig, model: ModelConfig
) -> Iterator[tuple[Rows, Rows]]:
    """Folds of the training rows, of the same kind as the holdout's split, repeat by repeat.

    By time each fold is fitted to all that is earlier than what it judges.

    Raises:
        TagshipError: the rows cannot make this many folds, or a fold would train without a class.
    """
    for repeat in range(model.select.repeats):
        yield from _folds(table, holdout, data, model, model.select.seed + repeat)


def _folds(
    table: pd.DataFrame, holdout: Holdout, data: DataConfig, model: ModelConfig, seed: int
) -> Iterator[tuple[Rows, Rows]]:
    from sklearn.model_selection import (
        GroupKFold,
        KFold,
        StratifiedGroupKFold,
        StratifiedKFold,
        TimeSeriesSplit,
    )

    train, count = holdout.train, model.select.folds
    groups = None
    if data.split.time is not None:
        times = table[data.split.time].to_numpy()
        train = train[times[train].argsort(kind="stable")]
        splitter = TimeSeriesSplit(count)
    elif data.split.group is not None:
        groups = table[data.split.group].iloc[train].astype("str")
        if groups.nunique() < count:
            raise TagshipError(
                f"split.group: {groups.nunique()} groups cannot make {count} folds",
                "lower select.folds in model.yaml",
            )
        kind = GroupKFold if model.task == "regression" else StratifiedGroupKFold
        splitter = kind(count, shuffle=True, random_state=seed)
    elif model.task == "regression":
        splitter = KFold(count, shuffle=True, random_state=seed)
    else:
        splitter = StratifiedKFold(count, shuffle=True, random_state=seed)
    try:
        pairs = list(splitter.split(train, table[data.target.column].iloc[train], groups))
    except ValueError as error:
        raise TagshipError(
            f"split: {len(train)} training rows cannot make {count} folds: {error}",
            "bring more rows, or lower select.folds in model.yaml",
        ) from None
    if data.split.time is not None:  # rows of the time that is judged must not train
        pairs = [(fit[times[train[fit]] < times[train[judge[0]]]], judge) for fit, judge in pairs]
    if model.task != "regression":
        _check_folds(table[data.target.column].iloc[train], [fit for fit, _ in pairs])
    for fit, judge in pairs:
        if not len(fit):
            raise TagshipError(
                f"split.time: no training row is earlier than the first fold of {count}",
                "lower select.folds in model.yaml, or split by a finer time",
            )
        yield train[fit], train[judge]


def _check_folds(target: pd.Series, fits: list[Rows]) -> None:
    """A model that never saw a class gives no probability of it, so every score would be wrong."""
    for number, fit in enumerate(fits, 1):
        unseen = sorted(set(target) - set(target.iloc[fit]))
        if unseen:
            raise TagshipError(
                f"split: fold {number} of {len(fits)} would be trained on {len(fit)} rows, none of"
                f" class '{unseen[0]}'",
                "lower select.folds in model.yaml, bring more rows, drop the class, or split"
                " another way",
            )


def check_leakage(
    table: pd.DataFrame, holdout: Holdout, data: DataConfig, allowed: Collection[str] = ()
) -> float:
    """Refuse a table whose training rows reveal the holdout; give the share of duplicates.

    Features in ``allowed`` may give the target away.

    Raises:
        TagshipError: a feature gives the target away, or too many holdout rows also stand, value
            for value, in the training rows.
    """
    target = data.target.column
    for name in data.features:
        if name not in allowed and _gives_away(table[name], table[target]):
            raise TagshipError(
                f"columns.{name}: this feature equals the target '{target}' in every row: a leak",
                "mark it `feature: false`, remove it from data.yaml and the data, or, where it is"
                " known before the target, give the reason in thresholds.yaml: leakage.allow",
            )
    compared_columns = table[[*data.request, target]]  # with the text that a feature function reads
    hashes = pd.util.hash_pandas_object(compared_columns, index=False).to_numpy()
    share = float(np.isin(hashes[holdout.test], hashes[holdout.train]).mean())
    if share > data.rows.duplicates:
        raise TagshipError(
            f"rows.duplicates: {share:.2%} of the holdout rows also stand in the training rows,"
            f" more than {data.rows.duplicates:.2%}: metrics would flatter the model",
            "remove duplicates at the source, split by group, or raise rows.duplicates knowingly",
        )
    return share


def _gives_away(feature: pd.Series, target: pd.Series) -> bool:
    """Whether a feature is the target in other words: each value stands for one of the target."""
    present = feature.notna()
    if not present.all() and not pd.api.types.is_numeric_dtype(target.dtype):
        pairs = pd.DataFrame({"missing": ~present, "target": target}).drop_duplicates()
        if len(pairs) == target.nunique() == 2:
            return True
    if present.mean() < 0.5:
        return False
    if pd.api.types.is_numeric_dtype(target.dtype):
        if not pd.api.types.is_numeric_dtype(feature.dtype):
            return False
        x, y = feature[present].to_numpy(), target[present].to_numpy()
        if np.ptp(x) == 0:
            return False
        return bool(abs(np.corrcoef(x, y)[0, 1]) > 1 - 1e-9)
    if feature.nunique() != target.nunique():
        return False
    pairs = pd.DataFrame({"feature": feature[present], "target": target[present]})
    return len(pairs.drop_duplicates()) == target.nunique()
