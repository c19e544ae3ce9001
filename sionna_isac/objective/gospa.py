"""The generalised optimal sub-pattern assignment (GOSPA) metric, and the loss made of it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from sionna_isac.core import checks, cites
from sionna_isac.objective.assignment import optimal_assignment

__all__ = ["GOSPAParts", "gospa", "gospa_loss", "gospa_parts", "positions"]


class GOSPAParts(NamedTuple):
    """What the p-th power of GOSPA (``alpha`` = 2) is the sum of, each of shape [...]."""

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

    Input
    -----
    angle : [...], `tf.float`
        Azimuth from broadside [rad]
    range : [...], `tf.float`
        Range [m]

    Output
    ------
    : [..., 2], `tf.float`
        Positions (x, y) [m]
    """
    angle, range = _same_dtype(("angle", angle), ("range", range))
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
    cutoff : `float`
        Cut-off distance :math:`\gamma` > 0 [m]
    p : `float`, (default 2)
        Order, 1 <= p
    alpha : `float`, (default 2)
        Share of the cut-off for targets without a partner, 0 < alpha <= 2; :math:`\mu` in
        [MateosRamos25]_

    Input
    -----
    estimate : [..., max_estimated, 2], `tf.float`
        Estimated positions [m]
    truth : [..., max_true, 2], `tf.float`
        True positions [m]
    num_estimated : [...] or scalar, `tf.int`
        Numbers of estimates
    num_true : [...] or scalar, `tf.int`
        Numbers of true targets

    Output
    ------
    : [...], `tf.float`
        GOSPA [m]; NaN where one of the positions is not finite (an error in eager mode)

    Raises
    ------
    ValueError
        If a parameter is out of its range or shapes do not fit, and, in eager mode, if a number
        of targets exceeds the positions given or a position is not finite
    """
    match = _match(estimate, truth, num_estimated, num_true, cutoff, p, alpha)
    total = tf.reduce_sum(match.cost, -1)
    # the root has no finite gradient at 0
    positive = total >= _tiny(total)
    safe = tf.where(positive, total, tf.ones_like(total))
    root = tf.where(positive, safe ** (1 / p), 0.0)
    return match.restore(float(cutoff) * root)


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
    cutoff : `float`
        Cut-off distance :math:`\gamma` > 0 [m]
    p : `float`, (default 2)
        Order, 1 <= p

    Input
    -----
    estimate, truth, num_estimated, num_true
        As for :func:`gospa`

    Output
    ------
    : :class:`GOSPAParts`
        The three parts [m**p], each of shape [...]
    """
    match = _match(estimate, truth, num_estimated, num_true, cutoff, p, 2)
    power = float(cutoff) ** p
    pairs = tf.reduce_sum(tf.cast(match.paired, match.cost.dtype), -1)
    localization = tf.reduce_sum(tf.where(match.paired, match.cost, 0.0), -1)
    return GOSPAParts(
        match.restore(power * localization),
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
    cutoff : `float`
        Cut-off distance :math:`\gamma` > 0 [m]
    p : `float`, (default 2)
        Order, 1 <= p

    Input
    -----
    estimate : [..., max_estimated, 2], `tf.float`
        Estimated positions [m]
    truth : [..., max_true, 2], `tf.float`
        True positions [m]
    num_targets : [...] or scalar, `tf.int`
        True numbers of targets

    Output
    ------
    : scalar, `tf.float`
        Mean over all samples [m]
    """
    return tf.reduce_mean(gospa(estimate, truth, num_targets, num_targets, cutoff, p))


class _Match(NamedTuple):
    """Optimal assignment of flattened batches; costs are in units of cutoff**p."""

    cost: tf.Tensor  # [B, size]: of each row and the column assigned to it
    paired: tf.Tensor  # [B, size]: whether these are an estimate and a target within the cut-off
    num_estimated: tf.Tensor  # [B]
    num_true: tf.Tensor  # [B]
    finite: tf.Tensor  # [B]: whether all positions were
    lead: tf.Tensor  # leading shape of the inputs

    def restore(self, value: tf.Tensor) -> tf.Tensor:
        """[B] -> [...], NaN for samples whose positions are not finite."""
        nan = tf.constant(np.nan, value.dtype)
        return tf.reshape(tf.where(self.finite, value, nan), self.lead)


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
    estimate, truth = _same_dtype(("estimate", estimate), ("truth", truth))
    for name, value in (("estimate", estimate), ("truth", truth)):
        checks.last_dim(name, value, 2, "(x, y)")
        if value.shape.rank is None or value.shape.rank < 2 or value.shape[-2] is None:
            raise ValueError(
                f"{name} must have a static shape [..., max_targets, 2]; got {value.shape}"
            )
    checks.shape("truth", truth, [*estimate.shape[:-2], *truth.shape[-2:]], "as estimate has")

    lead = tf.shape(estimate)[:-2]
    size = max(estimate.shape[-2], truth.shape[-2], 1)
    estimate, valid_row, num_estimated = _pad("estimate", estimate, num_estimated, size)
    truth, valid_column, num_true = _pad("truth", truth, num_true, size)
    finite = _finite(estimate) & _finite(truth)
    estimate, truth = (tf.where(tf.math.is_finite(x), x, 0.0) for x in (estimate, truth))

    # Both sets are filled up to the same size with dummies. A dummy costs 1/alpha with a real
    # partner and 0 with a dummy. This is exact: an assignment that leaves both an estimate and a
    # target to dummies pays 2/alpha >= 1 for them, at least what the two cost together; so some
    # optimal assignment pairs all of the smaller set, and pays 1/alpha for each of the surplus.
    pair = _pair_cost(estimate, truth, cutoff, p)
    row, column = valid_row[:, :, tf.newaxis], valid_column[:, tf.newaxis]
    single = tf.where(row | column, tf.constant(1 / alpha, pair.dtype), 0.0)
    cost = tf.where(row & column, pair, single)
    index = optimal_assignment(cost)[..., tf.newaxis]
    cost = tf.gather(cost, index, batch_dims=2)[..., 0]
    paired = valid_row & tf.gather(valid_column, index[..., 0], batch_dims=1) & (cost < 1)
    return _Match(cost, paired, num_estimated, num_true, finite, lead)


def _pair_cost(estimate: tf.Tensor, truth: tf.Tensor, cutoff: float, p: float) -> tf.Tensor:
    """min(distance / cutoff, 1)**p of all pairs [B, n, n], gradient 0 where the distance is 0."""
    # the difference first: it is exact for neighbours, quotients are not
    difference = (estimate[:, :, tf.newaxis] - truth[:, tf.newaxis]) / cutoff
    square = tf.reduce_sum(difference * difference, -1)
    apart = square >= _tiny(square)
    # a pair at the cut-off is a far one, however its distance is rounded
    near = square < 1 - 16 * np.finfo(square.dtype.as_numpy_dtype).eps
    inside = tf.where(apart & near, square, tf.ones_like(square))
    return tf.where(apart, inside if p == 2 else inside ** (p / 2), 0.0)


def _pad(
    name: str, value: tf.Tensor, count: Any, size: int
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Positions [B, size, 2] (0 where none), which are there [B, size], and their number [B]."""
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
    return value, valid, count


def _tiny(value: tf.Tensor) -> Any:
    """The smallest number that is not flushed to 0."""
    return np.finfo(value.dtype.as_numpy_dtype).tiny


def _finite(value: tf.Tensor) -> tf.Tensor:
    return tf.reduce_all(tf.math.is_finite(value), [-2, -1])


def _same_dtype(*named: tuple[str, Any]) -> list[tf.Tensor]:
    """Tensors of the widest floating type among them."""
    tensors = [tf.convert_to_tensor(value) for _, value in named]
    for (name, _), tensor in zip(named, tensors, strict=True):
        if not tensor.dtype.is_floating:
            raise TypeError(f"{name} must hold real floating numbers; got {tensor.dtype.name}")
    widest = max((t.dtype for t in tensors), key=lambda d: d.size)
    return [tf.cast(t, widest) for t in tensors]
