"""Beams for users and an extended target from a graph network."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from sionna_isac.array.planar import planar_shape, planar_wave
from sionna_isac.beamforming._served import (
    away_from_users,
    blended,
    frugal_beams,
    mmse_beams,
    own_signals,
    rate_prices,
    safe_root,
    scaled,
)
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

__all__ = ["HEADS", "ISACBeamNetwork", "NodeMasks"]

HEADS = ("subspace", "direct")
_MARGIN = 1.001  # of the SINR that beams are designed for, against rounding
_REACH = 1.5  # of the multipliers of users around those of the least power, as log of the root
_VECTORS = 3  # between which the first beams lie
_FACTS = 3  # about a user: strength, what it hears of the sum, power that it needs


class NodeMasks(NamedTuple):
    """Nodes of a padded batch that are there.

    Attributes
    ----------
    scatterers : [batch_size, num_scatterers], `tf.bool`
        `True` for scatterers that are there
    users : [batch_size, num_users], `tf.bool`
        `True` for users that are there
    """

    scatterers: tf.Tensor
    users: tf.Tensor


@register
@cites("Wang25")
class ISACBeamNetwork(Layer):
    r"""Graph network of beams that serve users and illuminate an extended target, [Wang25]_.

    Scatterers and the centre of the target are nodes of one graph, users are those of another.
    An update gives each node a new state from its own and the mean over its neighbours: all other
    scatterers and the centre, or all other users. A last perceptron joins the state of each user
    with that of the target. The network takes any number of users and scatterers. The order of
    scatterers has no effect, and each user keeps its beam in any order of users.

    - "direct", as published: the last perceptron gives the entries of the beam.
    - "subspace": it gives coefficients of three vectors, which are the beam that serves the user
      with the least power, and the sum of the conjugate steering vectors of the scatterers with and
      without what users would receive of it. The beams then take ``num_steps`` steps

      .. math::
          \mathbf{w}_k \leftarrow
          \Big(\mathbf{I} + \sum_j \lambda_j\mathbf{h}_j\mathbf{h}_j^H\Big)^{-1}
          \Big(\mathbf{w}_k + \sum_l c_l \mathbf{a}_l^*\mathbf{a}_l^\top \mathbf{w}_k
          + \mu_k \mathbf{h}_k\mathbf{h}_k^H\mathbf{w}_k\Big) ,

      which leave beams as they are if these meet the conditions of an optimum with the multipliers
      :math:`\lambda_j` and :math:`\mu_k` of the users and the gains :math:`c_l` of the energies.
      The states of users and scatterers give these numbers. After each step the beams move towards
      those of least power, scaled to the whole power, until all users have the SINR ``min_sinr``.
      The network thus meets the SINR in every scene in which the power suffices.

    Parameters
    ----------
    tx_shape : (`int`, `int`)
        Numbers of elements along y and z of the array, see
        :func:`~sionna_isac.array.planar_wave`
    head : "subspace" (default) | "direct"
        Head of the network
    min_sinr : `float` | `None`, (default 10)
        SINR of each user with the head "subspace", as a ratio of powers; with `None`, beams are
        free, and regularised zero-forcing beams are in the place of those of least power
    power : `float`, (default 1)
        Total power of the beams [W]
    user_noise : `float`, (default 1)
        Noise power of each user [W]
    width : `int`, (default 64)
        Size of the states
    num_updates : `int`, (default 2)
        Number of updates
    num_steps : `int`, (default 3)
        Number of steps of the head "subspace"

    Input
    -----
    scatterers : [batch_size, num_scatterers, 4], `tf.float`
        Range [m], azimuth, elevation [rad] and weight of each scatterer; one of weight 0 is not
        there
    centre : [batch_size, 4], `tf.float`
        Range [m], azimuth, elevation and orientation [rad] of the target
    channels : [batch_size, num_users, num_antennas], `tf.complex`
        Channels: user k receives :math:`\mathbf{h}_k^H\mathbf{x}`; a user with channel 0 is not
        there
    masks : `None` (default) | :class:`NodeMasks`
        Nodes that are there

    Output
    ------
    : [batch_size, num_antennas, num_users], `tf.complex`
        Beams of the total power ``power`` [sqrt(W)], 0 for users that are not there

    Raises
    ------
    ValueError
        If shapes do not fit, or, in eager mode, weights are negative or a sample has no scatterer
    """

    def __init__(
        self,
        tx_shape: Sequence[int],
        head: str = "subspace",
        *,
        min_sinr: float | None = 10.0,
        power: float = 1.0,
        user_noise: float = 1.0,
        width: int = 64,
        num_updates: int = 2,
        num_steps: int = 3,
        precision: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(precision=precision, **kwargs)
        self.tx_shape = planar_shape("tx_shape", tx_shape)
        self.head = checks.one_of("head", head, HEADS)
        if min_sinr is not None:
            min_sinr = checks.real("min_sinr", min_sinr, minimum=0, exclusive=True)
        self.min_sinr = min_sinr
        self.power = checks.real("power", power, minimum=0, exclusive=True)
        self.user_noise = checks.real("user_noise", user_noise, minimum=0, exclusive=True)
        self.width = checks.integer("width", width)
        self.num_updates = checks.integer("num_updates", num_updates, minimum=0)
        self.num_steps = checks.integer("num_steps", num_steps, minimum=0)
        self._num_antennas = math.prod(self.tx_shape)
        wide, subspace = self.width, self.head == "subspace"
        self._of_scatterer = self._perceptron(4, wide)
        self._of_centre = self._perceptron(5, wide)
        self._of_user = self._perceptron(2 * self._num_antennas + _FACTS * subspace, wide)
        self._updates = [
            {
                "from_scatterer": self._perceptron(wide, wide, 0),
                "from_centre": self._perceptron(wide, wide, 0),
                "from_user": self._perceptron(wide, wide, 0),
                "scatterer": self._perceptron(2 * wide, wide, 0),
                "centre": self._perceptron(2 * wide, wide, 0),
                "user": self._perceptron(2 * wide, wide, 0),
            }
            for _ in range(self.num_updates)
        ]
        self._of_target = self._perceptron(2 * wide, wide)
        size = 2 * (_VECTORS + self.num_steps if subspace else self._num_antennas)
        self._of_beam = self._perceptron(2 * wide, size, 2)
        if subspace and self.num_steps:
            self._of_gains = self._perceptron(2 * wide, self.num_steps)
            self._strides = self.add_weight(
                shape=[self.num_steps],
                initializer="zeros",
                dtype=self.rdtype.name,
                name="strides",
            )

    def _perceptron(self, size: int, out: int, hidden: int = 1) -> MultilayerPerceptron:
        return MultilayerPerceptron(size, [self.width] * hidden, out, precision=self.precision)

    def call(
        self,
        scatterers: Real,
        centre: Real,
        channels: Complex,
        masks: NodeMasks | None = None,
    ) -> tf.Tensor:
        checks.shape("scatterers", scatterers, [None, None, 4])
        batch_size = scatterers.shape[0]
        checks.shape("centre", centre, [batch_size, 4])
        checks.shape("channels", channels, [None, None, self._num_antennas])
        checks.shape("channels", channels, [batch_size, None, self._num_antennas])
        if masks is not None:
            for name, nodes in (("scatterers", scatterers), ("users", channels)):
                mask = checks.shape(f"masks.{name}", getattr(masks, name), nodes.shape[:2])
                if mask.dtype != tf.bool:
                    raise TypeError(f"masks.{name} must be boolean; got {mask.dtype.name}")
        checks.not_negative("scatterers", scatterers[..., 3])
        lit = tf.not_equal(scatterers[..., 3], 0)
        present = tf.reduce_any(tf.not_equal(channels, 0), -1)
        if masks is not None:
            lit, present = lit & masks.scatterers, present & masks.users
        if tf.executing_eagerly() and not np.all(np.any(lit, -1)):
            raise ValueError("scatterers must hold a weight > 0 in each sample; got 0 alone")
        scatterers = tf.where(lit[..., tf.newaxis], scatterers, 0)
        # in units of the amplitude of the noise, for beams of power 1
        channels = tf.where(present[..., tf.newaxis], channels, 0)
        channels *= (self.power / self.user_noise) ** 0.5
        lit, present = tf.cast(lit, self.rdtype), tf.cast(present, self.rdtype)
        share = scatterers[..., 3] / tf.reduce_sum(scatterers[..., 3], -1, keepdims=True)
        nodes, target = self._sensing(scatterers, centre, share, lit)
        if self.head == "direct":
            beams = self._direct(channels, present, target)
        else:
            beams = self._subspace(channels, present, scatterers, share, nodes, target)
        return beams * self.power**0.5

    def _sensing(
        self, scatterers: tf.Tensor, centre: tf.Tensor, share: tf.Tensor, lit: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """States of the scatterers [B, L, width] and of the whole target [B, width]."""
        distance, azimuth, elevation, orientation = tf.unstack(centre, axis=-1)
        here = lit[..., tf.newaxis]
        number = tf.reduce_sum(here, 1)
        near = (scatterers[..., 0] - distance[:, tf.newaxis]) / 2
        cosines = _cosines(scatterers[..., 1], scatterers[..., 2])
        features = tf.stack([near, *cosines, number * share], -1)
        nodes = tf.nn.relu(self._of_scatterer(features))
        pose = [distance / 20, *_cosines(azimuth, elevation)]
        pose += [tf.cos(orientation), tf.sin(orientation)]
        middle = tf.nn.relu(self._of_centre(tf.stack(pose, -1)))
        for update in self._updates:
            sent = here * tf.nn.relu(update["from_scatterer"](nodes))
            total = tf.reduce_sum(sent, 1)
            own = tf.nn.relu(update["from_centre"](middle))
            around = ((total + own)[:, tf.newaxis] - sent) / number[:, tf.newaxis]
            middle = tf.nn.relu(update["centre"](tf.concat([middle, total / number], -1)))
            nodes = tf.nn.relu(update["scatterer"](tf.concat([nodes, around], -1)))
        mean = tf.reduce_sum(here * nodes, 1) / number
        return nodes, tf.nn.relu(self._of_target(tf.concat([mean, middle], -1)))

    def _integrated(self, features: tf.Tensor, present: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
        """Outputs [B, K, ...] of the graph of users, joined with the state of the target."""
        here = present[..., tf.newaxis]
        others = tf.maximum(tf.reduce_sum(here, 1, keepdims=True) - 1, 1)
        nodes = tf.nn.relu(self._of_user(features))
        for update in self._updates:
            sent = here * tf.nn.relu(update["from_user"](nodes))
            around = (tf.reduce_sum(sent, 1, keepdims=True) - sent) / others
            nodes = tf.nn.relu(update["user"](tf.concat([nodes, around], -1)))
        return self._of_beam(_joined(nodes, target))

    def _direct(self, channels: tf.Tensor, present: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
        """Beams of power 1 from their entries."""
        entries = tf.tanh(self._integrated(_directions(channels), present, target))
        re, im = tf.split(entries * present[..., tf.newaxis], 2, -1)
        return scaled(tf.linalg.matrix_transpose(tf.complex(re, im)), 1)

    def _subspace(
        self,
        channels: tf.Tensor,
        present: tf.Tensor,
        scatterers: tf.Tensor,
        share: tf.Tensor,
        nodes: tf.Tensor,
        target: tf.Tensor,
    ) -> tf.Tensor:
        """Beams of power 1 from coefficients, and steps towards the optimum."""
        steering = planar_wave(self.tx_shape, scatterers[..., 1], scatterers[..., 2])
        aims = tf.math.conj(steering)
        middle = tf.reduce_sum(linalg.to_complex(share)[..., tf.newaxis] * aims, 1)
        middle = _unit(middle)[..., tf.newaxis]
        # the phases of channels do not matter: each user receives the middle with phase 0
        heard = linalg.matmul(tf.math.conj(channels), middle)[..., 0]
        level = linalg.safe_abs(tf.math.real(heard), tf.math.imag(heard), 1e-12)
        turn = heard / linalg.to_complex(tf.maximum(level, 1e-12))
        turn = tf.where(level > 0, turn, tf.ones_like(turn))
        channels *= turn[..., tf.newaxis]
        least, price = (
            mmse_beams(channels, present)
            if self.min_sinr is None
            else frugal_beams(channels, present, _MARGIN * self.min_sinr)
        )
        rows = tf.linalg.matrix_transpose(least)
        amplitude = tf.sqrt(_energy(channels) + 1e-12)
        cost = tf.sqrt(_energy(rows) + 1e-12)
        facts = tf.stack([tf.math.log(1 + amplitude), level / amplitude, cost], -1)
        features = tf.concat([_directions(channels), facts], -1)
        output = self._integrated(features, present, target)
        output, prices = tf.split(output, [2 * _VECTORS, 2 * self.num_steps], -1)
        re, im = tf.split(output, 2, -1)
        coefficients = tf.complex(re + 1, im) * linalg.to_complex(present)[..., tf.newaxis]
        apart = away_from_users(channels, middle)
        rows = coefficients[..., :1] * _unit(rows)
        for i, vector in enumerate((middle, apart), 1):
            rows += coefficients[..., i : i + 1] * _unit(vector[:, tf.newaxis, :, 0])
        safe = scaled(least, 1)
        beams = self._served(channels, scaled(tf.linalg.matrix_transpose(rows), 1), safe, present)
        if not self.num_steps:
            return beams
        gains = tf.exp(tf.tanh(self._of_gains(_joined(nodes, target)))) * share[..., tf.newaxis]
        strides = tf.exp(tf.convert_to_tensor(self._strides)) / self._num_antennas
        gains *= strides / tf.reduce_sum(gains, 1, keepdims=True)
        # square roots of the multipliers up to a factor
        others, own = tf.split(tf.exp(_REACH * tf.tanh(prices)), 2, -1)
        for step in range(self.num_steps):
            losses, wins = (
                [price * value for value in rate_prices(channels, beams)]
                if self.min_sinr is None
                else [price, price]
            )
            gain = linalg.to_complex(gains[..., step, tf.newaxis])
            seen = gain * linalg.matmul(steering, beams)
            lit = linalg.matmul(tf.linalg.matrix_transpose(aims), seen)
            kept = linalg.to_complex(wins * own[..., step] ** 2) * own_signals(channels, beams)
            kept = tf.linalg.matrix_transpose(channels) * kept[:, tf.newaxis]
            share = linalg.to_complex(others[..., step] * safe_root(losses))
            weighted = share[..., tf.newaxis] * channels
            beams = scaled(away_from_users(weighted, beams + lit + kept), 1)
            beams = self._served(channels, beams, safe, present)
        return beams

    def _served(
        self, channels: tf.Tensor, beams: tf.Tensor, safe: tf.Tensor, present: tf.Tensor
    ) -> tf.Tensor:
        """Beams of power 1 close to the given ones, with the SINR of all users."""
        if self.min_sinr is None:
            return beams
        return scaled(blended(channels, beams, safe, present, _MARGIN * self.min_sinr), 1)


def _cosines(azimuth: tf.Tensor, elevation: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Direction cosines along y and z."""
    return tf.sin(azimuth) * tf.cos(elevation), tf.sin(elevation)


def _joined(nodes: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    """States [B, number, ...] of nodes, each with that of the target."""
    return tf.concat([nodes, target[:, tf.newaxis] + tf.zeros_like(nodes[..., :1])], -1)


def _energy(rows: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(tf.math.real(rows) ** 2 + tf.math.imag(rows) ** 2, -1)


def _directions(channels: tf.Tensor) -> tf.Tensor:
    """Real and imaginary parts of channels without their strength, of the order of 1."""
    number = channels.shape[-1]
    scale = tf.math.rsqrt(_energy(channels) / number + 1e-12)
    return linalg.real_rows(channels) * scale[..., tf.newaxis]


def _unit(rows: tf.Tensor) -> tf.Tensor:
    """Rows of norm 1, or less if they almost vanish."""
    scale = tf.math.rsqrt(_energy(rows) + 1e-10)
    return rows * linalg.to_complex(scale)[..., tf.newaxis]
