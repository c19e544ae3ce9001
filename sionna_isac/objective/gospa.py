"""The generalised optimal sub-pattern assignment (GOSPA) metric, and the loss made of it."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from sionna_isac.core import checks, cites
from sionna_isac.objective._tensors import azimuths, representable, same_dtype, samples, tiny
from sionna_isac.objective.assignment import norm_assignment, p_norm

__all__ = ["GOSPAParts", "gospa", "gospa_loss", "gospa_parts", "positions"]


class GOSPAParts(NamedTuple):
    """Summands of the p-th power of GOSPA (``alpha`` = 2), each of shape [...]."""

    localization: tf.Tensor
    """Sum of the p-th powers of the distances of matched pairs"""
    missed: tf.Tensor
    """cutoff**p / 2 for each true target without an estimate"""
    false: tf.Tensor
    """cutoff**p / 2 for each estimate without a true target"""


@cites("MateosRamos25")
def positions(angle: Any, range: Any) -> tf.Tensor:
    r"""Cartesian positions of polar coordinates, Eq. (2) of [MateosRamos25]_.

    .. math::
        \mathbf{p} = [R \cos\theta, \; R \sin\theta]

    Parameters
    ----------
    angle : [...], `tf.float`
        Azimuth from broadside [rad]
    range : [...], `tf.float`
        Range [m]

    Output
    ------
    : [..., 2], `tf.float`
        Positions (x, y) [m]; NaN where an angle exceeds 2 pi (degrees), an error in eager mode
    """
    angle, range = same_dtype(("angle", angle), ("range", range))
    angle = azimuths("angle", angle)
    return tf.stack([range * tf.cos(angle), range * tf.sin(angle)], axis=-1)


@cites("MateosRamos25", "Rahmathullah17")
def gospa(
    estimate: Any,
    truth: Any,
    num_estimated: Any,
    num_true: Any,
    cutoff: float,
    p: float = 2,
    alpha: float = 2,
) -> tf.Tensor:
    r"""GOSPA metric between sets of positions, Eq. (17) of [MateosRamos25]_.

    .. math::
        d = \Bigl( \min_{\pi} \sum_{i=1}^{|\mathcal{P}|}
        \min(\|\mathbf{p}_i - \hat{\mathbf{p}}_{\pi(i)}\|, \gamma)^p
        + \frac{\gamma^p}{\alpha} (|\hat{\mathcal{P}}| - |\mathcal{P}|) \Bigr)^{1/p}

    for :math:`|\mathcal{P}| \le |\hat{\mathcal{P}}|`, and with exchanged sets otherwise. The
    optimal assignment is found exactly for all cardinalities; see
    :func:`~sionna_isac.objective.optimal_assignment` for where it runs.

    Positions after the first ``num_estimated`` or ``num_true`` ones are ignored, whatever they
    hold. The result has the precision of the positions. It is differentiable almost everywhere;
    where it is not (coinciding points, pairs at the cut-off distance) its gradient is one
    of the finite one-sided ones, or 0.

    Parameters
    ----------
    estimate : [..., max_estimated, 2], `tf.float`
        Estimated positions [m]
    truth : [..., max_true, 2], `tf.float`
        True positions [m]
    num_estimated : [...] or scalar, `tf.int`
        Numbers of estimates
    num_true : [...] or scalar, `tf.int`
        Numbers of true targets
    cutoff : `float`
        Cut-off distance :math:`\gamma` > 0 [m]
    p : `float`, (default 2)
        Order, 1 <= p
    alpha : `float`, (default 2)
        Share of the cut-off for targets without a partner, 0 < alpha <= 2; :math:`\mu` in
        [MateosRamos25]_

    Output
    ------
    : [...], `tf.float`
        GOSPA [m]; NaN where one of the positions is not finite or a number of targets exceeds
        them (an error in eager mode)

    Raises
    ------
    ValueError
        If a parameter is out of its range or shapes do not fit, and, in eager mode, if a number
        of targets exceeds the positions given or a position is not finite
    """
    match = _match(estimate, truth, num_estimated, num_true, cutoff, p, alpha)
    return match.restore(float(cutoff) * p_norm(match.ratio, p))


@cites("Rahmathullah17")
def gospa_parts(
    estimate: Any,
    truth: Any,
    num_estimated: Any,
    num_true: Any,
    cutoff: float,
    p: float = 2,
) -> GOSPAParts:
    r"""Localisation error, missed and false targets that make up GOSPA with ``alpha`` = 2.

    Their sum is the p-th power of :func:`gospa` (Proposition 1 of [Rahmathullah17]_). Pairs at or
    beyond the cut-off distance count as one missed and one false target.

    Parameters
    ----------
    estimate, truth, num_estimated, num_true
        As for :func:`gospa`
    cutoff : `float`
        Cut-off distance :math:`\gamma` > 0 [m]
    p : `float`, (default 2)
        Order, 1 <= p

    Output
    ------
    : :class:`GOSPAParts`
        The three parts [m**p], each of shape [...]

    Raises
    ------
    ValueError
        As :func:`gospa`, and if ``cutoff**p`` is out of the range of the type of the positions
        (90 m and p = 50 in single precision)
    """
    match = _match(estimate, truth, num_estimated, num_true, cutoff, p, 2)
    dtype, size = match.ratio.dtype, match.ratio.shape[-1]
    representable("cutoff**p", p * math.log(cutoff), dtype)
    representable(
        "cutoff**p times the number of targets", p * math.log(cutoff) + math.log(size), dtype
    )
    power = float(cutoff) ** p
    pairs = tf.reduce_sum(tf.cast(match.paired, dtype), -1)
    distance = float(cutoff) * tf.where(match.paired, match.ratio, 0.0)
    localization = tf.reduce_sum(distance * distance if p == 2 else distance**p, -1)
    return GOSPAParts(
        match.restore(localization),
        match.restore(power / 2 * (tf.cast(match.num_true, pairs.dtype) - pairs)),
        match.restore(power / 2 * (tf.cast(match.num_estimated, pairs.dtype) - pairs)),
    )


@cites("MateosRamos25", "Rahmathullah17")
def gospa_loss(
    estimate: Any, truth: Any, num_targets: Any, cutoff: float, p: float = 2
) -> tf.Tensor:
    r"""Mean GOSPA with the true number of targets, the loss (18) of [MateosRamos25]_.

    The first ``num_targets`` estimates (in the order in which the receiver found them) are
    compared with the true targets; there is no term for the number of targets. Samples without a
    target contribute 0 to the mean.

    Parameters
    ----------
    estimate : [..., max_estimated, 2], `tf.float`
        Estimated positions [m]
    truth : [..., max_true, 2], `tf.float`
        True positions [m]
    num_targets : [...] or scalar, `tf.int`
        True numbers of targets
    cutoff : `float`
        Cut-off distance :math:`\gamma` > 0 [m]
    p : `float`, (default 2)
        Order, 1 <= p

    Output
    ------
    : scalar, `tf.float`
        Mean over all samples [m]
    """
    value = gospa(estimate, truth, num_targets, num_targets, cutoff, p)
    return tf.reduce_mean(samples("estimate", value))


class _Match(NamedTuple):
    """Optimal assignment of flattened batches."""

    ratio: tf.Tensor  # [B, size]: p-th root of the cost of each assigned pair, over the cut-off
    paired: tf.Tensor  # [B, size]: an estimate and a target within the cut-off
    num_estimated: tf.Tensor  # [B]
    num_true: tf.Tensor  # [B]
    good: tf.Tensor  # [B]: all positions are finite and all numbers in their range
    lead: tf.Tensor  # leading shape of the inputs

    def restore(self, value: tf.Tensor) -> tf.Tensor:
        """[B] -> [...], NaN for samples that are not good."""
        nan = tf.constant(np.nan, value.dtype)
        return tf.reshape(tf.where(self.good, value, nan), self.lead)


def _match(
    estimate: Any,
    truth: Any,
    num_estimated: Any,
    num_true: Any,
    cutoff: float,
    p: float,
    alpha: float,
) -> _Match:
    cutoff = checks.real("cutoff", cutoff, minimum=0, exclusive=True)
    p = checks.real("p", p, minimum=1)
    if checks.real("alpha", alpha, minimum=0, maximum=2) == 0:
        raise ValueError(f"alpha must be > 0 and <= 2; got {alpha!r}")
    estimate, truth = same_dtype(("estimate", estimate), ("truth", truth))
    for name, value in (("estimate", estimate), ("truth", truth)):
        checks.last_dim(name, value, 2, "(x, y)")
        if value.shape.rank is None or value.shape.rank < 2 or value.shape[-2] is None:
            raise ValueError(
                f"{name} must have a static shape [..., max_targets, 2]; got {value.shape}"
            )
    checks.shape("truth", truth, [*estimate.shape[:-2], *truth.shape[-2:]], "as estimate has")

    lead = tf.shape(estimate)[:-2]
    size = max(estimate.shape[-2], truth.shape[-2], 1)
    representable("p", math.log(p), estimate.dtype)
    representable("cutoff", math.log(cutoff), estimate.dtype)
    single = -math.log(alpha) / p
    representable(
        "cutoff / alpha**(1/p)", math.log(cutoff) + single + math.log(size), estimate.dtype
    )
    estimate, valid_row, num_estimated, good_row = _pad("estimate", estimate, num_estimated, size)
    truth, valid_column, num_true, good_column = _pad("truth", truth, num_true, size)

    # Both sets are filled up to the same size with dummies. A dummy costs 1/alpha with a real
    # partner and 0 with a dummy. This is exact: an assignment that leaves both an estimate and a
    # target to dummies pays 2/alpha >= 1 for them, at least what the two cost together; so some
    # optimal assignment pairs all of the smaller set, and pays 1/alpha for each of the surplus.
    # Powers are taken last, of ratios of costs: p = 50 would leave nothing of single precision.
    pair = _pair_ratio(estimate, truth, cutoff)
    row, column = valid_row[:, :, tf.newaxis], valid_column[:, tf.newaxis]
    ratio = tf.where(row | column, tf.constant(math.exp(single), pair.dtype), 0.0)
    ratio = tf.where(row & column, pair, ratio)
    index = norm_assignment(ratio, p)[..., tf.newaxis]
    ratio = tf.gather(ratio, index, batch_dims=2)[..., 0]
    paired = valid_row & tf.gather(valid_column, index[..., 0], batch_dims=1) & (ratio < 1)
    return _Match(ratio, paired, num_estimated, num_true, good_row & good_column, lead)


def _pair_ratio(estimate: tf.Tensor, truth: tf.Tensor, cutoff: float) -> tf.Tensor:
    """min(distance / cutoff, 1) of all pairs [B, n, n], with gradient 0 where it is 0 or 1."""
    offset = estimate[:, :, tf.newaxis] - truth[:, tf.newaxis]
    difference = offset / cutoff
    largest = tf.stop_gradient(tf.reduce_max(tf.abs(difference), -1))
    apart = largest >= tiny(largest)
    inside = apart & (largest < 1)
    # in units of the larger coordinate, squares neither vanish nor overflow
    unit = tf.where(inside, largest, tf.ones_like(largest))
    difference = tf.where(inside[..., tf.newaxis], difference / unit[..., tf.newaxis], 1.0)
    distance = unit * tf.sqrt(tf.reduce_sum(difference * difference, -1))
    # A pair at the cut-off is a far one, but quotients and roots are rounded: compare squares in a
    # power of two of the unit, which are exact for whole metres.
    scale = 2.0 ** -math.floor(math.log2(cutoff))
    square = tf.reduce_sum((offset * scale) ** 2, -1)
    near = (square < tf.constant(cutoff * scale, square.dtype) ** 2) & (distance < 1)
    return tf.where(inside & near, distance, tf.cast(apart, distance.dtype))


def _pad(
    name: str, value: tf.Tensor, count: Any, size: int
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
    """Positions [B, size, 2] (0 where none), which are there [B, size], and their number [B].

    The last tensor [B] is `True` where they are finite, and their number is in its range.
    """
    slots = value.shape[-2]
    label = {"estimate": "num_estimated", "truth": "num_true"}[name]
    count = tf.convert_to_tensor(count)
    if not count.dtype.is_integer:
        raise TypeError(f"{label} must hold integers; got {count.dtype.name}")
    if count.shape.rank != 0:
        checks.shape(label, count, value.shape[:-2], f"as {name} has, or be a scalar")
    if hasattr(count, "numpy"):  # eager
        bad = count.numpy()[(count.numpy() < 0) | (count.numpy() > slots)]
        if bad.size:
            raise ValueError(f"{label} must be within 0 ... {slots}; got {bad.flat[0]}")
    count = tf.broadcast_to(tf.cast(count, tf.int32), tf.shape(value)[:-2])
    count = tf.reshape(count, [-1])
    value = tf.reshape(value, [tf.size(count), slots, 2])
    value = tf.pad(value, [[0, 0], [0, size - slots], [0, 0]])
    valid = tf.range(size) < count[:, tf.newaxis]
    value = checks.finite(name, tf.where(valid[..., tf.newaxis], value, 0.0))
    finite = tf.math.is_finite(value)
    good = tf.reduce_all(finite, [-2, -1]) & (count >= 0) & (count <= slots)
    return tf.where(finite, value, 0.0), valid, count, good
