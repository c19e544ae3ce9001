"""Losses that need no labels: they judge how well the model explains the observation."""

from __future__ import annotations

import math
from typing import Any

import tensorflow as tf

from sionna_isac.core import checks, cites
from sionna_isac.objective._tensors import same_dtype, samples, within

__all__ = ["max_loss", "reconstruction_loss"]


@cites("MateosRamos25")
def max_loss(metric: Any, energy: Any) -> tf.Tensor:
    r"""Minus the mean normalised peak of the angle-delay map.

    .. math::
        -\frac{1}{B} \sum_b \frac{\max_{i,j} |\mathbf{a}_i^H \mathbf{Y}_b \boldsymbol{\rho}_j^*|}
        {\|\mathbf{a}\| \, \|\boldsymbol{\rho}\| \, \|\mathbf{Y}_b\|_F}

    The map is the one of Algorithm 1 of [MateosRamos25]_. By the Cauchy-Schwarz inequality the
    loss lies in [-1, 0]; it is -1 if each observation is one atom of the dictionaries. An
    observation of zero energy contributes 0.

    Parameters
    ----------
    metric : [...] or [..., max_targets], `tf.float`
        Maximum of the map; of several targets, the first is taken
    energy : [...], `tf.float`
        Product :math:`\|\mathbf{a}\|^2 \|\boldsymbol{\rho}\|^2 \|\mathbf{Y}\|_F^2` of the squared
        norms of the steering vector, delay vector and observation

    Output
    ------
    : scalar, `tf.float`
        Loss; NaN where a value is NaN, so that a training sees it

    Raises
    ------
    ValueError
        If the shapes do not fit, and, in eager mode, if a value is negative or infinite
    """
    metric, energy = same_dtype(("metric", metric), ("energy", energy))
    for name, value in (("metric", metric), ("energy", energy)):
        known = tf.where(tf.math.is_nan(value), tf.zeros_like(value), value)
        within(name, checks.finite(name, samples(name, known)), math.inf)
    checks.rank("metric", metric, [energy.shape.rank, energy.shape.rank + 1])
    if metric.shape.rank == energy.shape.rank + 1:
        metric = metric[..., 0]
    checks.shape("energy", energy, metric.shape, "as metric has")
    return -tf.reduce_mean(_ratio(metric, energy, root=True))


def reconstruction_loss(reconstruction: Any, *, observation: Any) -> tf.Tensor:
    r"""Mean share of the observed energy that a reconstruction leaves unexplained.

    .. math::
        \frac{1}{B} \sum_b \frac{\|\mathbf{Y}_b - \hat{\mathbf{Y}}_b\|_F^2}{\|\mathbf{Y}_b\|_F^2}

    An observation of zero energy contributes 0.

    Parameters
    ----------
    reconstruction : [batch_size, ...], `tf.complex` or `tf.float`
        Signal that the estimates explain
    observation : [batch_size, ...], `tf.complex` or `tf.float`
        Observation, of the same shape

    Output
    ------
    : scalar, `tf.float`
        Loss

    Raises
    ------
    ValueError
        If the shapes do not fit, and, in eager mode, if a value is not finite
    """
    parts = [
        *_real_and_imaginary("observation", observation),
        *_real_and_imaginary("reconstruction", reconstruction),
    ]
    widest = max((part.dtype for part in parts), key=lambda d: d.size)
    re, im, model_re, model_im = (tf.cast(part, widest) for part in parts)
    checks.shape("reconstruction", model_re, re.shape, "as observation has")
    # squares of a weak signal would vanish: the largest part of each sample is the unit
    rows = [tf.shape(re)[0], -1]
    re, im, model_re, model_im = (tf.reshape(v, rows) for v in (re, im, model_re, model_im))
    largest = tf.reduce_max(tf.maximum(tf.abs(re), tf.abs(im)), -1, keepdims=True)
    unit = tf.stop_gradient(tf.where(tf.equal(largest, 0), tf.ones_like(largest), largest))
    error = _energy((re - model_re) / unit, (im - model_im) / unit)
    return tf.reduce_mean(_ratio(error, _energy(re / unit, im / unit)))


def _real_and_imaginary(name: str, value: Any) -> tuple[tf.Tensor, tf.Tensor]:
    value = tf.convert_to_tensor(value)
    if not (value.dtype.is_floating or value.dtype.is_complex):
        raise TypeError(
            f"{name} must hold complex or real floating numbers; got {value.dtype.name}"
        )
    if value.shape.rank == 0:
        raise ValueError(f"{name} must have shape [batch_size, ...]; got shape []")
    checks.finite(name, samples(name, value))
    return tf.math.real(value), tf.math.imag(value)


def _energy(re: tf.Tensor, im: tf.Tensor) -> tf.Tensor:
    """Energy [batch_size], with a gradient that is right for complex numbers and finite at 0."""
    return tf.reduce_sum(re * re + im * im, -1)


def _ratio(value: tf.Tensor, energy: tf.Tensor, root: bool = False) -> tf.Tensor:
    """value / energy (or its root), 0 where the energy is 0."""
    positive = tf.not_equal(energy, 0)  # NaN must stay NaN
    safe = tf.where(positive, energy, tf.ones_like(energy))
    return tf.where(positive, value / (tf.sqrt(safe) if root else safe), 0.0)
