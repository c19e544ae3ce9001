"""Receiver networks of the single-carrier auto-encoder."""

from __future__ import annotations

import math
from typing import Any

import tensorflow as tf

from sionna_isac.core import (
    Complex,
    Layer,
    MultilayerPerceptron,
    Real,
    checks,
    cites,
    linalg,
    register,
)
from sionna_isac.receiver.detector import check_observation

__all__ = ["NeuralAngleEstimator", "NeuralPresenceDetector", "NeuralSymbolReceiver"]


class _EchoNetwork(Layer):
    """Common part of both radar networks: three hidden layers that see echo and sector."""

    def __init__(
        self,
        num_antennas: int,
        *,
        hidden_size: int,
        input_scale: float = 1.0,
        precision: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(precision=precision, **kwargs)
        self.num_antennas = checks.integer("num_antennas", num_antennas)
        self.hidden_size = checks.integer("hidden_size", hidden_size)
        self.input_scale = checks.real("input_scale", input_scale, minimum=0, exclusive=True)
        self._network = MultilayerPerceptron(
            2 * self.num_antennas + 2, [self.hidden_size] * 3, 1, precision=self.precision
        )

    def _output(self, y: tf.Tensor, sector: tf.Tensor) -> tf.Tensor:
        y, sector = check_observation(y, sector, self.num_antennas)
        echo = linalg.real_rows(y) / self.input_scale
        return self._network(tf.concat([echo, sector / (math.pi / 2)], -1))


@register
@cites("MateosRamos23")
class NeuralPresenceDetector(_EchoNetwork):
    r"""Detector of a target, :math:`f_\rho` of Table I in [MateosRamos23]_.

    A network with three hidden layers of :math:`N` units takes real and imaginary parts of the
    observation, divided by ``input_scale``, and the bounds of the sector, divided by
    :math:`\pi/2`. :meth:`probability` applies the sigmoid: losses and thresholds are more exact
    on the logit, since many logits have the same probability 1 in single precision.

    Parameters
    ----------
    num_antennas : `int`
        Number of antennas :math:`K`
    hidden_size : `int`
        :math:`N`: 1024 in [MateosRamos23]_, 21 under its limit of complexity
    input_scale : `float`, (default 1)
        Unit of the magnitude of the observation; the root of the noise power
        :math:`\sqrt{N_0}` is suitable

    Input
    -----
    y : [batch_size, num_antennas] or [batch_size, num_antennas, 1], `tf.complex`
        Observation
    sector : [batch_size, 2], `tf.float`
        Lower and upper azimuth of the target [rad]

    Output
    ------
    : [batch_size, 1], `tf.float`
        Logit :math:`\log(\hat p/(1-\hat p))` of the probability of a target
    """

    def call(self, y: Complex, sector: Real) -> tf.Tensor:
        return self._output(y, sector)

    def probability(self, y: Any, sector: Any) -> tf.Tensor:
        r"""Probability :math:`\hat p` of a target, [batch_size, 1]."""
        return tf.sigmoid(self(y, sector))


@register
@cites("MateosRamos23")
class NeuralAngleEstimator(_EchoNetwork):
    r"""Angle of the target, the estimator :math:`f_\nu` of Table I in [MateosRamos23]_.

    A network like that of :class:`NeuralPresenceDetector`; the hyperbolic tangent of its output
    is the angle in units of :math:`\pi/2`.

    Parameters
    ----------
    num_antennas : `int`
        Number of antennas :math:`K`
    hidden_size : `int`
        :math:`N`: 1024 in [MateosRamos23]_, 21 under its limit of complexity
    input_scale : `float`, (default 1)
        Unit of the magnitude of the observation; the root of the noise power
        :math:`\sqrt{N_0}` is suitable

    Input
    -----
    y : [batch_size, num_antennas] or [batch_size, num_antennas, 1], `tf.complex`
        Observation
    sector : [batch_size, 2], `tf.float`
        Lower and upper azimuth of the target [rad]

    Output
    ------
    : [batch_size, 1], `tf.float`
        Azimuth [rad], within (-pi/2, pi/2)
    """

    def call(self, y: Complex, sector: Real) -> tf.Tensor:
        return math.pi / 2 * tf.tanh(self._output(y, sector))


@register
@cites("MateosRamos23")
class NeuralSymbolReceiver(Layer):
    r"""Receiver of messages, :math:`f_\eta` of Table I in [MateosRamos23]_.

    A network with hidden layers of :math:`K, 2K, 2K` units takes real and imaginary parts of the
    received symbol and of its channel, both divided by ``input_scale``. :meth:`probability`
    applies the softmax.

    Parameters
    ----------
    num_messages : `int`, (default 4)
        Number of messages :math:`|\mathcal{M}|`
    hidden_size : `int`, (default 16)
        :math:`K`, the number of antennas in [MateosRamos23]_
    input_scale : `float`, (default 1)
        Unit of the magnitude of symbols and channels; the root of the mean power of the link
        :math:`\sigma_c` is suitable

    Input
    -----
    y : [...], `tf.complex`
        Received symbols :math:`y_c`
    csi : [...], `tf.complex`
        Channel :math:`\kappa`

    Output
    ------
    : [..., num_messages], `tf.float`
        Logits; the largest is that of the most probable message
    """

    def __init__(
        self,
        *,
        num_messages: int = 4,
        hidden_size: int = 16,
        input_scale: float = 1.0,
        precision: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(precision=precision, **kwargs)
        self.num_messages = checks.integer("num_messages", num_messages, minimum=2)
        self.hidden_size = checks.integer("hidden_size", hidden_size)
        self.input_scale = checks.real("input_scale", input_scale, minimum=0, exclusive=True)
        size = self.hidden_size
        self._network = MultilayerPerceptron(
            4, [size, 2 * size, 2 * size], self.num_messages, precision=self.precision
        )

    def call(self, y: Complex, csi: Complex) -> tf.Tensor:
        checks.shape("csi", csi, y.shape, "as y has")
        both = linalg.real_rows(tf.stack([y, csi], -1))
        return self._network(both / self.input_scale)

    def probability(self, y: Any, csi: Any) -> tf.Tensor:
        """Probabilities of the messages, [..., num_messages]."""
        return tf.nn.softmax(self(y, csi))
