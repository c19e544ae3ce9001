"""Losses of beams that serve users and illuminate an extended target: constraints as penalties."""

from __future__ import annotations

import math
from typing import Any

import tensorflow as tf

from sionna_isac.core import checks, cites
from sionna_isac.objective._tensors import binary, real, same_dtype, samples, tiny

__all__ = ["crb_min_loss", "crb_trace", "weighted_isac_loss"]

FORMS = ("log", "linear")


@cites("Wang25")
def crb_trace(fim: Any, num_interest: int | None = None, weights: Any = None) -> tf.Tensor:
    r"""Weighted trace of the Cramér-Rao bound of the first parameters, differentiable.

    .. math::
        \sum_{i\le m} q_i\, [\mathbf{J}^{-1}]_{ii}

    The other parameters are unknown too. The matrix is inverted in double precision, with its
    diagonal scaled to 1: its entries carry units.

    Parameters
    ----------
    fim : [..., n, n], `tf.float`
        Fisher information, for instance from
        :meth:`~sionna_isac.bound.ExtendedTargetInformation.of_beams`
    num_interest : `None` (default) | `int`
        Number :math:`m` of parameters that count; all but the last one if `None`, which is the gain
        of the echo
    weights : `None` (default) | [num_interest], array_like
        Weights :math:`q`; `None` is 1 each

    Output
    ------
    : [...], `tf.float64`
        Trace; NaN where the matrix is not positive definite

    Raises
    ------
    ValueError
        If a shape does not fit
    """
    fim = tf.cast(real("fim", fim), tf.float64)
    size = fim.shape[-1]
    checks.shape("fim", fim, [*([None] * (fim.shape.rank - 2)), size, size], "square matrices")
    number = max(1, size - 1)
    if num_interest is not None:
        number = checks.integer("num_interest", num_interest, maximum=size)
    factors = 1.0 if weights is None else checks.vector("weights", weights, number)
    scale = tf.math.rsqrt(tf.linalg.diag_part(fim))
    unit = fim * scale[..., :, tf.newaxis] * scale[..., tf.newaxis, :]
    # J^-1 = L^-T L^-1: its diagonal holds the squared norms of the columns of L^-1
    factor = tf.linalg.cholesky(unit)
    eye = tf.eye(size, number, dtype=tf.float64) + tf.zeros_like(factor[..., :number])
    columns = tf.linalg.triangular_solve(factor, eye)
    variance = tf.reduce_sum(columns**2, -2) * scale[..., :number] ** 2
    return tf.reduce_sum(factors * variance, -1)


@cites("Wang25")
def crb_min_loss(
    crb: Any,
    sinr: Any,
    energy: Any,
    *,
    min_sinr: float,
    coverage: float,
    form: str = "log",
    sinr_weight: float = 5.0,
    coverage_weight: float = 2.0,
    users: Any = None,
    scatterers: Any = None,
) -> tf.Tensor:
    r"""Cramér-Rao bound with penalties for the SINR and the coverage, Eq. (49) of [Wang25]_.

    The form "linear" is the published one, a mean over the samples of

    .. math::
        c + \lambda_1 \sum_k [\Gamma - \mathrm{SINR}_k]_+
        + \lambda_2 [\max_l e_l - \eta \min_l e_l]_+

    with the trace :math:`c` of the bound. Its terms carry units. Those of "log" are ratios, so that
    scenes near and far count alike,

    .. math::
        \ln c + \lambda_1 \sum_k \Big[\ln \frac{1.12\,\Gamma}{\mathrm{SINR}_k}\Big]_+
        + \lambda_2 \Big[\ln \frac{\max_l e_l}{0.95\,\eta \min_l e_l}\Big]_+

    Parameters
    ----------
    crb : [batch_size], `tf.float`
        Trace of the bound, see :func:`crb_trace`
    sinr : [batch_size, num_users], `tf.float`
        SINR of users, as a ratio of powers
    energy : [batch_size, num_scatterers], `tf.float`
        Energies :math:`e_l` of the beams at the scatterers
    min_sinr : `float`
        Wanted SINR :math:`\Gamma`
    coverage : `float`
        Largest ratio :math:`\eta` of energies that is wanted
    form : "log" (default) | "linear"
        Form of the terms
    sinr_weight : `float`, (default 5)
        :math:`\lambda_1`
    coverage_weight : `float`, (default 2)
        :math:`\lambda_2`
    users : `None` (default) | [batch_size, num_users], `tf.bool`
        `True` for users that are there (or 0 and 1); `None` for all
    scatterers : `None` (default) | [batch_size, num_scatterers], `tf.bool`
        `True` for scatterers that are there (or 0 and 1); `None` for all

    Output
    ------
    : scalar, `tf.float`
        Loss

    Raises
    ------
    ValueError
        If shapes do not fit or a value is out of its range
    """
    crb, sinr, energy = _of_batch(crb, sinr, energy)
    served = _there("users", users, sinr)
    wanted = checks.real("min_sinr", min_sinr, minimum=0, exclusive=True)
    weight = checks.real("sinr_weight", sinr_weight, minimum=0)
    if _logarithmic(form):
        missing = math.log(1.12 * wanted) - tf.math.log(tf.maximum(sinr, tiny(sinr)))
        crb = tf.math.log(crb)
    else:
        missing = wanted - sinr
    missing = tf.reduce_sum(tf.nn.relu(tf.where(served, missing, tf.zeros_like(missing))), -1)
    covered = _uncovered(energy, coverage, form, coverage_weight, scatterers)
    return tf.reduce_mean(crb + weight * missing + covered)


@cites("Wang25")
def weighted_isac_loss(
    crb: Any,
    sinr: Any,
    energy: Any,
    *,
    weight: float = 0.5,
    balance: float,
    coverage: float,
    form: str = "log",
    coverage_weight: float = 2.0,
    users: Any = None,
    scatterers: Any = None,
) -> tf.Tensor:
    r"""Weighted sum of Cramér-Rao bound and rate with a penalty for the coverage, Eq. (50) of
    [Wang25]_.

    .. math::
        (1-\omega)\, \rho\, c - \omega \sum_k \log_2(1 + \mathrm{SINR}_k)

    plus the penalty for the coverage of :func:`crb_min_loss`, in its form "linear" (as published)
    or "log"; a mean over the samples.

    Parameters
    ----------
    crb, sinr, energy, coverage, coverage_weight, users, scatterers
        As for :func:`crb_min_loss`
    weight : `float`, (default 0.5)
        Weight :math:`\omega` of the rate, within [0, 1]
    balance : `float`
        Factor :math:`\rho` of the bound, which makes it comparable with a rate
    form : "log" (default) | "linear"
        Form of the penalty

    Output
    ------
    : scalar, `tf.float`
        Loss

    Raises
    ------
    ValueError
        If shapes do not fit or a value is out of its range
    """
    crb, sinr, energy = _of_batch(crb, sinr, energy)
    served = _there("users", users, sinr)
    share = checks.real("weight", weight, minimum=0, maximum=1)
    balance = checks.real("balance", balance, minimum=0, exclusive=True)
    rate = tf.math.log1p(tf.where(served, sinr, tf.zeros_like(sinr))) / tf.math.log(
        tf.constant(2, sinr.dtype)
    )
    covered = _uncovered(energy, coverage, form, coverage_weight, scatterers)
    both = (1 - share) * balance * crb - share * tf.reduce_sum(rate, -1)
    return tf.reduce_mean(both + covered)


def _of_batch(crb: Any, sinr: Any, energy: Any) -> list[tf.Tensor]:
    values = same_dtype(("crb", crb), ("sinr", sinr), ("energy", energy))
    first = samples("crb", checks.rank("crb", values[0], 1, "[batch_size]"))
    for name, value in zip(("sinr", "energy"), values[1:], strict=True):
        checks.shape(name, value, [first.shape[0], None])
    return values


def _there(name: str, mask: Any, like: tf.Tensor) -> tf.Tensor:
    if mask is None:
        return tf.ones_like(like, tf.bool)
    there, _ = binary(name, mask)
    return checks.shape(name, there, like.shape)


def _logarithmic(form: str) -> bool:
    return checks.one_of("form", form, FORMS) == "log"


def _uncovered(
    energy: tf.Tensor, coverage: float, form: str, weight: float, scatterers: Any
) -> tf.Tensor:
    """Penalty [B] of scatterers that are too dark."""
    lit = _there("scatterers", scatterers, energy)
    ratio = checks.real("coverage", coverage, minimum=1)
    weight = checks.real("coverage_weight", weight, minimum=0)
    highest = tf.reduce_max(tf.where(lit, energy, tf.zeros_like(energy)), -1)
    lowest = tf.reduce_min(tf.where(lit, energy, energy.dtype.max), -1)
    if _logarithmic(form):
        least = tiny(energy)
        excess = tf.math.log(tf.maximum(highest, least) / (0.95 * ratio))
        excess -= tf.math.log(tf.maximum(lowest, least))
    else:
        excess = highest - ratio * lowest
    return weight * tf.nn.relu(excess)
