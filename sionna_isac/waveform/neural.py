"""Transmitter networks of the single-carrier auto-encoder."""

from __future__ import annotations

import math
from typing import Any

import tensorflow as tf

from sionna_isac.core import Layer, MultilayerPerceptron, Real, checks, cites, linalg, register

__all__ = ["NeuralBeamformer", "NeuralEncoder"]


@register
@cites("MateosRamos23")
class NeuralEncoder(Layer):
    r"""Trainable constellation, the encoder :math:`f_\epsilon` of Table I in [MateosRamos23]_.

    A network with hidden layers of :math:`K, K, 2K` units maps the one-hot message to real and
    imaginary part of its symbol. All symbols are then divided by the root of their mean energy,
    so that equally likely messages have :math:`E|s|^2 = 1`.

    Parameters
    ----------
    num_messages : `int`, (default 4)
        Number of messages :math:`|\mathcal{M}|`
    hidden_size : `int`, (default 16)
        :math:`K`, the number of antennas in [MateosRamos23]_

    Input
    -----
    message : [...], `tf.int32`
        Messages 0 ... num_messages-1

    Output
    ------
    : [...], `tf.complex`
        Symbols
    """

    def __init__(
        self,
        *,
        num_messages: int = 4,
        hidden_size: int = 16,
        precision: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(precision=precision, **kwargs)
        self.num_messages = checks.integer("num_messages", num_messages, minimum=2)
        self.hidden_size = checks.integer("hidden_size", hidden_size)
        size = self.hidden_size
        self._network = MultilayerPerceptron(
            self.num_messages, [size, size, 2 * size], 2, precision=self.precision
        )

    def constellation(self) -> tf.Tensor:
        """Symbols of all messages, [num_messages]; of unit mean energy."""
        points = self._network(tf.eye(self.num_messages, dtype=self.rdtype))
        energy = tf.reduce_sum(points**2) / self.num_messages
        re, im = tf.unstack(points * tf.math.rsqrt(energy), axis=-1)
        return tf.complex(re, im)

    def call(self, message: tf.Tensor) -> tf.Tensor:
        message = tf.convert_to_tensor(message)
        if not message.dtype.is_integer:
            raise TypeError(f"message must hold integers; got {message.dtype.name}")
        if tf.executing_eagerly():
            checks.not_negative("message", message)
            if bool(tf.reduce_any(message >= self.num_messages)):
                raise ValueError(
                    f"message must be < num_messages = {self.num_messages}; "
                    f"got {int(tf.reduce_max(message))}"
                )
        return tf.gather(self.constellation(), message)


@register
@cites("MateosRamos23")
class NeuralBeamformer(Layer):
    r"""Beam from prior angles, the beamformer :math:`f_\mu` of Table I in [MateosRamos23]_.

    A network with three hidden layers of :math:`N` units maps the bounds of both sectors, divided
    by :math:`\pi/2`, to real and imaginary parts of the beam, which is then normalised.

    Parameters
    ----------
    num_antennas : `int`
        Number of antennas :math:`K`
    hidden_size : `int`
        :math:`N`: 1024 in [MateosRamos23]_, 21 under its limit of complexity
    power : `float`, (default 1)
        Transmit power :math:`E_\text{tx}` [W]

    Input
    -----
    sector : [batch_size, 2], `tf.float`
        Lower and upper azimuth of the target [rad]
    user_sector : [batch_size, 2], `tf.float`
        Lower and upper azimuth of the user [rad]

    Output
    ------
    : [batch_size, num_antennas], `tf.complex`
        Beams of squared norm ``power``
    """

    def __init__(
        self,
        num_antennas: int,
        *,
        hidden_size: int,
        power: float = 1.0,
        precision: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(precision=precision, **kwargs)
        self.num_antennas = checks.integer("num_antennas", num_antennas)
        self.hidden_size = checks.integer("hidden_size", hidden_size)
        self.power = checks.real("power", power, minimum=0, exclusive=True)
        self._network = MultilayerPerceptron(
            4, [self.hidden_size] * 3, 2 * self.num_antennas, precision=self.precision
        )

    def call(self, sector: Real, user_sector: Real) -> tf.Tensor:
        sector = checks.sector("sector", sector)
        user_sector = checks.sector("user_sector", user_sector, sector.shape[0])
        prior = tf.concat([sector, user_sector], -1) / (math.pi / 2)
        re, im = tf.split(self._network(prior), 2, -1)
        energy = tf.reduce_sum(re**2 + im**2, -1, keepdims=True)
        return tf.complex(re, im) * linalg.to_complex(tf.sqrt(self.power / energy))
