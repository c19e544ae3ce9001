"""Losses of one network that classifies and localises a target at once."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from sionna_isac.core import checks, cites
from sionna_isac.objective._tensors import real, same_dtype, samples, within, wrapped
from sionna_isac.objective.supervised import categorical_cross_entropy

__all__ = [
    "MULTITASK_WEIGHTS",
    "MultitaskLabels",
    "azimuth_loss",
    "coupling_loss",
    "multitask_loss",
    "multitask_terms",
    "peak_loss",
    "peak_target",
    "planar_loss",
    "range_loss",
]

MULTITASK_WEIGHTS = {
    "classification": 1.0,
    "range": 1.0,
    "azimuth": 1.8,
    "planar": 0.2,
    "peak": 0.05,
    "coupling": 0.1,
}
"""Weights of the terms in Section IV-A of [Zhao26]_"""
PHYSICS = ("planar", "peak", "coupling")


class MultitaskLabels(NamedTuple):
    """Labels of a batch, as :func:`multitask_loss` wants them.

    Attributes
    ----------
    category : [batch_size], `tf.int`
        Index of the class :math:`c`, from 0
    range : [batch_size], `tf.float`
        Range of the target's centre :math:`r` [m]
    azimuth : [batch_size], `tf.float`
        Azimuth of the centre :math:`\\theta` [rad]
    peak : `None` (default) | [batch_size, 2], `tf.float`
        Coordinates of the peak of the observation, see :func:`peak_target`
    """

    category: Any
    range: Any
    azimuth: Any
    peak: Any = None


@cites("Zhao26")
def range_loss(estimate: Any, truth: Any, log_variance: Any = None) -> tf.Tensor:
    r"""Gaussian negative log-likelihood of ranges, Eq. (41) of [Zhao26]_.

    .. math::
        \frac{1}{2B} \sum_i \left(e^{-\hat s_i} e_i^2 + \hat s_i\right), \quad
        e_i = \hat r_i - r_i

    Without log-variances it is the mean of :math:`e_i^2`.

    Parameters
    ----------
    estimate : [batch_size], `tf.float`
        Estimated ranges :math:`\hat r` [m]
    truth : [batch_size], `tf.float`
        True ranges :math:`r` [m]
    log_variance : `None` (default) | [batch_size], `tf.float`
        Estimated logarithms :math:`\hat s` of the variance [m^2]

    Output
    ------
    : scalar, `tf.float`
        Loss

    Raises
    ------
    ValueError
        If the shapes do not fit, and, in eager mode, if a value is not finite
    """
    estimate, truth = _pair("range", estimate, truth)
    return _likelihood("range", estimate - truth, log_variance)


@cites("Zhao26")
def azimuth_loss(estimate: Any, truth: Any, log_variance: Any = None) -> tf.Tensor:
    r"""Gaussian negative log-likelihood of azimuths, Eq. (41) of [Zhao26]_.

    The formula of :func:`range_loss` with the wrapped error in units of a half turn,
    :math:`e_i = \mathrm{wrap}(\hat\theta_i - \theta_i) / \pi`.

    Parameters
    ----------
    estimate : [batch_size], `tf.float`
        Estimated azimuths :math:`\hat\theta` [rad], anywhere
    truth : [batch_size], `tf.float`
        True azimuths :math:`\theta` [rad]
    log_variance : `None` (default) | [batch_size], `tf.float`
        Estimated logarithms :math:`\hat s` of the variance of :math:`e`

    Output
    ------
    : scalar, `tf.float`
        Loss

    Raises
    ------
    ValueError
        If the shapes do not fit, and, in eager mode, if a value is not finite or a true azimuth
        exceeds 2 pi (degrees)
    """
    estimate, truth = _azimuths(estimate, truth)
    return _likelihood("azimuth", wrapped(estimate - truth) / math.pi, log_variance)


@cites("Zhao26")
def planar_loss(
    est_range: Any, est_azimuth: Any, true_range: Any, true_azimuth: Any, epsilon: float = 1e-6
) -> tf.Tensor:
    r"""Mean distance of estimated and true positions, Eq. (44) of [Zhao26]_.

    .. math::
        \frac{1}{B} \sum_i \sqrt{\hat r_i^2 + r_i^2 - 2 \hat r_i r_i \cos\Delta\theta_i + \epsilon}

    It is computed as :math:`(\hat r - r)^2 + 4\hat r r \sin^2(\Delta\theta / 2)`, which does not
    cancel where both positions are close.

    Parameters
    ----------
    est_range, est_azimuth : [batch_size], `tf.float`
        Estimated ranges [m] and azimuths [rad]
    true_range, true_azimuth : [batch_size], `tf.float`
        True ranges [m] and azimuths [rad]
    epsilon : `float`, (default 1e-6)
        :math:`\epsilon` [m^2], which keeps the gradient finite where both positions are equal

    Output
    ------
    : scalar, `tf.float`
        Loss [m]

    Raises
    ------
    ValueError
        If the shapes do not fit, and, in eager mode, if a value is not finite or a true azimuth
        exceeds 2 pi (degrees)
    """
    epsilon = checks.real("epsilon", epsilon, minimum=0)
    distance, truth, turn = _errors(est_range, est_azimuth, true_range, true_azimuth)
    sine = tf.sin(turn / 2)
    square = distance**2 + 4 * (distance + truth) * truth * sine**2
    # rounding may make it negative for a negative range on the line through the origin
    return tf.reduce_mean(tf.sqrt(tf.where(square < 0, tf.zeros_like(square), square) + epsilon))


@cites("Zhao26")
def coupling_loss(
    est_range: Any, est_azimuth: Any, true_range: Any, true_azimuth: Any
) -> tf.Tensor:
    r"""Mean imbalance of radial and tangential errors, Eq. (48) of [Zhao26]_.

    .. math::
        \frac{1}{B} \sum_i \Bigl| |\hat r_i - r_i| - |r_i \Delta\theta_i| \Bigr|

    Parameters
    ----------
    est_range, est_azimuth : [batch_size], `tf.float`
        Estimated ranges [m] and azimuths [rad]
    true_range, true_azimuth : [batch_size], `tf.float`
        True ranges [m] and azimuths [rad]

    Output
    ------
    : scalar, `tf.float`
        Loss [m]

    Raises
    ------
    ValueError
        If the shapes do not fit, and, in eager mode, if a value is not finite or a true azimuth
        exceeds 2 pi (degrees)
    """
    distance, truth, turn = _errors(est_range, est_azimuth, true_range, true_azimuth)
    return tf.reduce_mean(tf.abs(tf.abs(distance) - tf.abs(truth * turn)))


@cites("Zhao26")
def peak_target(h: Any) -> tf.Tensor:
    r"""Coordinates of the largest entry of the magnitude map, Eq. (46) of [Zhao26]_.

    .. math::
        \mathbf{u}^\star = \arg\max_{(r, t)} \sum_f |H_{frt}|

    Indices are divided by the largest one, so that coordinates lie within [0, 1]; a dimension of
    one antenna has the coordinate 0.

    Parameters
    ----------
    h : [batch_size, num_tones, num_rx, num_tx], `tf.complex`
        Channels

    Output
    ------
    : [batch_size, 2], `tf.float`
        Coordinates over receive and transmit antennas; NaN where a channel is not finite

    Raises
    ------
    ValueError
        If the shape does not fit, and, in eager mode, if a value is not finite
    """
    h = tf.convert_to_tensor(h)
    if not h.dtype.is_complex:
        raise TypeError(f"h must hold complex numbers; got {h.dtype.name}")
    checks.rank("h", h, 4, "[batch_size, num_tones, num_rx, num_tx]")
    magnitude = tf.reduce_sum(tf.abs(checks.finite("h", h)), 1)
    rows, columns = tf.shape(magnitude)[1], tf.shape(magnitude)[2]
    index = tf.argmax(tf.reshape(magnitude, [-1, rows * columns]), -1, tf.int32)
    place = tf.cast(tf.stack([index // columns, index % columns], -1), magnitude.dtype)
    size = tf.cast(tf.maximum(tf.stack([rows, columns]) - 1, 1), magnitude.dtype)
    finite = tf.reduce_all(tf.math.is_finite(magnitude), (1, 2))
    return tf.where(finite[:, tf.newaxis], place / size, np.nan)


@cites("Zhao26")
def peak_loss(estimate: Any, target: Any) -> tf.Tensor:
    r"""Mean 1-norm between estimated and observed peak, Eq. (47) of [Zhao26]_.

    .. math::
        \frac{1}{B} \sum_i \|\hat{\mathbf{u}}_i - \mathbf{u}_i^\star\|_1

    Parameters
    ----------
    estimate : [batch_size, 2], `tf.float`
        Estimated coordinates :math:`\hat{\mathbf{u}}`
    target : [batch_size, 2], `tf.float`
        Coordinates :math:`\mathbf{u}^\star` of the observation, see :func:`peak_target`

    Output
    ------
    : scalar, `tf.float`
        Loss

    Raises
    ------
    ValueError
        If the shapes do not fit, and, in eager mode, if a value is not finite or a target does
        not lie within [0, 1]
    """
    estimate, target = same_dtype(("estimate", estimate), ("target", target))
    checks.last_dim("estimate", checks.finite("estimate", estimate), 2, "(receive, transmit)")
    checks.shape("target", target, estimate.shape, "as estimate has")
    within("target", target, 1)
    samples("estimate", estimate)
    return tf.reduce_mean(tf.reduce_sum(tf.abs(estimate - target), -1))


@cites("Zhao26")
def multitask_terms(
    out: Any,
    labels: Any,
    *,
    weights: Mapping[str, float] | None = None,
    uncertainty: bool = True,
    physics: Collection[str] = PHYSICS,
) -> dict[str, tf.Tensor]:
    """Weighted terms of :func:`multitask_loss` by name; the parameters are the same.

    Output
    ------
    : `dict` of scalars, `tf.float`
        Terms "classification", "range", "azimuth" and those of ``physics``, each times its weight.
        Those of a task that the network does not have, and those of weight 0, are not there.

    Raises
    ------
    ValueError
        If a name is unknown, a weight is negative, no term is left, or as the terms do
    """
    weight = _weights(weights)
    physics = _physics(physics)
    terms: dict[str, tf.Tensor] = {}
    label = _Fields("labels", labels)
    estimate = _Fields("out", out)
    if weight["classification"] and estimate.has("logits"):
        logits = real("out.logits", estimate["logits"])
        loss = categorical_cross_entropy(logits, label["category"], from_logits=True)
        terms["classification"] = loss
    if estimate.has("range"):
        place = [estimate["range"], estimate["azimuth"], label["range"], label["azimuth"]]
        for name, loss, pair in (
            ("range", range_loss, place[::2]),
            ("azimuth", azimuth_loss, place[1::2]),
        ):
            if weight[name]:
                variance = estimate[f"log_var_{name}"] if uncertainty else None
                terms[name] = loss(*pair, variance)
        for name, of_place in (("planar", planar_loss), ("coupling", coupling_loss)):
            if name in physics and weight[name]:
                terms[name] = of_place(*place)
        if "peak" in physics and weight["peak"]:
            terms["peak"] = peak_loss(estimate["peak"], label["peak"])
    if not terms:
        raise ValueError(
            f"weights must leave a term for what the network estimates; got {dict(weight)}"
        )
    return {name: weight[name] * loss for name, loss in terms.items()}


@cites("Zhao26")
def multitask_loss(
    out: Any,
    labels: Any,
    *,
    weights: Mapping[str, float] | None = None,
    uncertainty: bool = True,
    physics: Collection[str] = PHYSICS,
) -> tf.Tensor:
    r"""Loss of joint classification and localisation, Eqs. (39), (42) and (43) of [Zhao26]_.

    .. math::
        \mathcal{L} = \mathcal{L}_\mathrm{cls} + \lambda_r \mathcal{L}_r
        + \lambda_\theta \mathcal{L}_\theta + \lambda_p \mathcal{L}_\mathrm{pl}
        + \lambda_{pk} \mathcal{L}_\mathrm{peak} + \lambda_c \mathcal{L}_\mathrm{cp}

    with the cross-entropy (40), :func:`range_loss`, :func:`azimuth_loss`, :func:`planar_loss`,
    :func:`peak_loss` and :func:`coupling_loss`. The "deterministic objective" of the baselines is
    ``uncertainty=False, physics=()``: cross-entropy and squared errors.

    A network of a single task, whose other outputs are `None`, has the terms of its task.

    Parameters
    ----------
    out : :class:`~sionna_isac.receiver.LocalizerOutput`
        What the network estimates, or any object or mapping with the same names
    labels : :class:`MultitaskLabels`
        Labels, or any object or mapping with the same names
    weights : `None` (default) | mapping
        Weights by the name of the term, in place of those of :data:`MULTITASK_WEIGHTS`; 0 leaves
        a term out
    uncertainty : `bool`, (default `True`)
        If `True`, errors of range and azimuth count by the log-variances of the network; otherwise
        their squares count
    physics : collection of "planar" | "peak" | "coupling", (default ("planar", "peak", "coupling"))
        Terms of (43) that are added

    Output
    ------
    : scalar, `tf.float`
        Loss

    Raises
    ------
    ValueError
        If a name is unknown, a weight is negative, no term is left, or as the terms do
    """
    return tf.add_n(
        same_dtype(
            *multitask_terms(
                out, labels, weights=weights, uncertainty=uncertainty, physics=physics
            ).items()
        )
    )


class _Fields:
    """Entries of an object or a mapping."""

    def __init__(self, name: str, source: Any) -> None:
        self.name, self.source = name, source

    def get(self, field: str) -> Any:
        if isinstance(self.source, Mapping):
            return self.source.get(field)
        return getattr(self.source, field, None)

    def has(self, field: str) -> bool:
        return self.get(field) is not None

    def __getitem__(self, field: str) -> Any:
        value = self.get(field)
        if value is None:
            shown = type(self.source).__name__
            raise ValueError(f"{self.name} must have {field}, which a term needs; got a {shown}")
        return value


def _weights(given: Mapping[str, float] | None) -> dict[str, float]:
    if given is not None and not isinstance(given, Mapping):
        raise TypeError(f"weights must be a mapping of names to numbers; got {given!r}")
    values = dict(given or {})
    for name, value in values.items():
        checks.one_of("weights", name, MULTITASK_WEIGHTS)
        checks.real(f"weights[{name!r}]", value, minimum=0)
    return {**MULTITASK_WEIGHTS, **values}


def _physics(given: Collection[str]) -> Collection[str]:
    if isinstance(given, str) or not isinstance(given, Collection):
        raise TypeError(f"physics must be a collection of names such as {PHYSICS}; got {given!r}")
    for name in given:
        checks.one_of("physics", name, PHYSICS)
    return given


def _pair(name: str, estimate: Any, truth: Any) -> list[tf.Tensor]:
    """Finite estimates and true values of one type and shape."""
    estimate, truth = same_dtype((f"estimated {name}", estimate), (f"true {name}", truth))
    checks.rank(f"estimated {name}", estimate, 1, "[batch_size]")
    checks.shape(f"true {name}", truth, estimate.shape, "as the estimates have")
    samples(f"estimated {name}", estimate)
    checks.finite(f"true {name}", truth)
    return [checks.finite(f"estimated {name}", estimate), truth]


def _azimuths(estimate: Any, truth: Any) -> list[tf.Tensor]:
    estimate, truth = _pair("azimuth", estimate, truth)
    return [estimate, checks.azimuth("true azimuth", truth, 2 * math.pi)]


def _errors(
    est_range: Any, est_azimuth: Any, true_range: Any, true_azimuth: Any
) -> list[tf.Tensor]:
    """Errors of ranges, true ranges and wrapped errors of azimuths, [batch_size] each."""
    distance, truth = _pair("range", est_range, true_range)
    azimuth, true_azimuth = _azimuths(est_azimuth, true_azimuth)
    checks.shape("estimated azimuth", azimuth, distance.shape, "as the ranges have")
    values = ("", distance - truth), ("", truth), ("", wrapped(azimuth - true_azimuth))
    return same_dtype(*values)


def _likelihood(name: str, error: tf.Tensor, log_variance: Any) -> tf.Tensor:
    if log_variance is None:
        return tf.reduce_mean(error**2)
    label = f"log_variance of {name}"
    error, log_variance = same_dtype((name, error), (label, log_variance))
    checks.shape(label, log_variance, error.shape, "as the estimates have")
    checks.finite(label, log_variance)
    return tf.reduce_mean(tf.exp(-log_variance) * error**2 + log_variance) / 2
