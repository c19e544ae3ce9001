"""Flatness of trainings, as far as their losses or scores show it."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import scipy.stats
import xarray as xr

__all__ = ["flat_draws", "is_flat"]

BLOCKS = 16  # of each half of the judged values: their means are nearly independent and normal
TOLERANCE = 0.05
LEVEL = 0.95
_ANGLE_ALONE = "angle_alone"  # a stage that only the errors of angles depend on


def is_flat(values: np.ndarray, widening: float = 0.0, tolerance: float = TOLERANCE) -> bool:
    """`True` if the last quarter of a training has the mean of the one before.

    The means must agree within ``tolerance``, with 95 % confidence on each side (t-intervals of the
    means of 16 blocks). ``tolerance`` is relative to the mean of the first quarter of the two.
    Losses that may be negative have no natural zero: there, it is relative to the fall since the
    first block with sectors of full width, since narrower ones have other losses whatever was
    learned. A falling rate lowers the losses, too, so trainings that have finished may be taken for
    others; values too few or too noisy to tell are not flat.

    Parameters
    ----------
    values : [num_iterations], `float`
        Losses of all iterations, or scores at even distances; NaN where there is none
    widening : `float`, (default 0.0)
        Share of the iterations in which sectors widen. It is left out: beyond one half, the two
        halves of the rest are compared.
    tolerance : `float`, (default 0.05)
        Relative difference of the means that counts as none
    """
    found = np.asarray(values, float)
    found = found[~np.isnan(found)]
    full = found[round(widening * found.size) :]
    judged = found[round(max(0.5, widening) * found.size) :]
    size = judged.size // (2 * BLOCKS)
    if size == 0:
        return False
    blocks = judged[judged.size - 2 * BLOCKS * size :].reshape(2, BLOCKS, size).mean(-1)
    first, second = blocks.mean(-1)
    error = np.sqrt(blocks.var(-1, ddof=1).sum() / BLOCKS)
    bound = abs(first - second) + scipy.stats.t.ppf(LEVEL, BLOCKS - 1) * error
    scale = first if found.min() >= 0 else full[:size].mean() - first
    return bool(bound <= tolerance * scale)


def flat_draws(
    dataset: xr.Dataset,
    label: str,
    metric: str,
    etas: Collection[float],
    widening: float = 0.0,
) -> np.ndarray:
    """Flatness of all trainings that a metric of an approach depends on, for each draw.

    Where a training was validated, its scores decide instead of its losses: they are those of the
    same scenes in sectors of full width, and have a natural zero.

    Parameters
    ----------
    dataset : `xarray.Dataset`
        Result of a comparison, with the histories of its trainings
    label : `str`
        Learned approach
    metric : `str`
        Metric
    etas : collection of `float`
        Shares of the sensing beam, if the approach is learned for each
    widening : `float`, (default 0.0)
        Share of the iterations in which sectors widen

    Output
    ------
    : [num_draws], `bool`
        `True` if there are such trainings and all are flat
    """
    names = [
        str(name).removesuffix("_loss")
        for name in dataset.data_vars
        if _concerns(str(name), list(map(str, dataset["approach"].values)), label, metric, etas)
    ]
    if not names:
        return np.zeros(dataset.sizes["draw"], bool)
    courses = [dataset.get(f"{name}_score", dataset[f"{name}_loss"]).values for name in names]
    return np.all([[is_flat(row, widening) for row in course] for course in courses], axis=0)


def _concerns(
    name: str, labels: Collection[str], label: str, metric: str, etas: Collection[float]
) -> bool:
    """`True` for ``history_LABEL_STAGE_loss`` and ``history_LABEL-ETA_STAGE_loss``."""
    if not (name.startswith("history_") and name.endswith("_loss")):
        return False
    rest = name.removeprefix("history_").removesuffix("_loss")
    # the name of an approach may begin with that of another one
    owner = max((n for n in labels if rest.startswith((f"{n}_", f"{n}-"))), key=len, default="")
    share, _, stage = rest.removeprefix(owner).partition("_")
    if owner != label or (stage == _ANGLE_ALONE and metric != "angle_rmse"):
        return False
    return not share or float(share.removeprefix("-")) in etas
