"""Losses that need no labels: they judge how well the model explains the observation."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from sionna_isac.core import checks, cites

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

    Input
    -----
    metric : [...] or [..., max_targets], `tf.float`
        Maximum of the map; of several targets, the first is taken
    energy : [...], `tf.float`
        Product :math:`\|\mathbf{a}\|^2 \|\boldsymbol{\rho}\|^2 \|\mathbf{Y}\|_F^2` of the squared
        norms of the steering vector, delay vector and observation

    Output
    ------
    : scalar, `tf.float`
        Loss

    Raises
    ------
    ValueError
        If the shapes do not fit
    """
    metric, energy = tf.convert_to_tensor(metric), tf.convert_to_tensor(energy)
    checks.rank("metric", metric, [energy.shape.rank, energy.shape.rank + 1])
    if metric.shape.rank == energy.shape.rank + 1:
        metric = metric[..., 0]
    checks.shape("energy", energy, metric.shape, "as metric has")
    return -tf.reduce_mean(_ratio(metric, energy, root=True))


def reconstruction_loss(observation: Any, reconstruction: Any) -> tf.Tensor:
    r"""Mean share of the observed energy that a reconstruction leaves unexplained.

    .. math::
        \frac{1}{B} \sum_b \frac{\|\mathbf{Y}_b - \hat{\mathbf{Y}}_b\|_F^2}{\|\mathbf{Y}_b\|_F^2}

    An observation of zero energy contributes 0.

    Input
    -----
    observation : [batch_size, ...], `tf.complex` or `tf.float`
        Observation
    reconstruction : [batch_size, ...], `tf.complex` or `tf.float`
        What the model makes of its estimates, of the same shape and type

    Output
    ------
    : scalar, `tf.float`
        Loss

    Raises
    ------
    ValueError
        If the shapes do not fit
    """
    observation = tf.convert_to_tensor(observation)
    reconstruction = tf.convert_to_tensor(reconstruction)
    checks.shape("reconstruction", reconstruction, observation.shape, "as observation has")
    error, energy = _energy(observation - reconstruction), _energy(observation)
    return tf.reduce_mean(_ratio(error, energy))


def _energy(value: tf.Tensor) -> tf.Tensor:
    """[batch_size] energy, with a gradient that is right for complex numbers and finite at 0."""
    re, im = tf.math.real(value), tf.math.imag(value)
    square = re * re + im * im
    return tf.reduce_sum(tf.reshape(square, [tf.shape(square)[0], -1]), -1)


def _ratio(value: tf.Tensor, energy: tf.Tensor, root: bool = False) -> tf.Tensor:
    """value / energy (or its root), 0 where the energy is 0."""
    positive = tf.not_equal(energy, 0)  # NaN must stay NaN
    safe = tf.where(positive, energy, tf.ones_like(energy))
    return tf.where(positive, value / (tf.sqrt(safe) if root else safe), 0.0)
