"""Point targets: their state, gains and random scenes."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from sionna_isac.core import (
    Complex,
    Gain,
    Layer,
    Real,
    checks,
    cites,
    complex_normal,
    linalg,
    register,
    uniform,
    uniform_integers,
)

__all__ = ["PointTargets", "RadarEquationGain", "RayleighGain", "TargetScene"]


class PointTargets(NamedTuple):
    r"""State of the targets of a batch; entries beyond ``num_targets`` have gain 0.

    Attributes
    ----------
    angle : [batch_size, max_targets], `tf.float`
        Azimuth from broadside [rad]
    range : [batch_size, max_targets], `tf.float`
        Distance [m]
    gain : [batch_size, max_targets], `tf.complex`
        Complex channel gain :math:`\psi` of the target, without the gain of a beam
    num_targets : [batch_size], `tf.int32`
        Number of targets that are there: the first ones of each sample
    velocity : `None` | [batch_size, max_targets], `tf.float`
        Radial velocity, positive for a receding target [m/s]; `None` is 0
    """

    angle: Real
    range: Real
    gain: Complex
    num_targets: tf.Tensor
    velocity: Real | None = None

    @property
    def position(self) -> tf.Tensor:
        """[batch_size, max_targets, 2], `tf.float` : x and y [m], Eq. (2) of [MateosRamos25]_"""
        angle, distance = _floats(self.angle, self.range)
        return tf.stack([distance * tf.cos(angle), distance * tf.sin(angle)], axis=-1)


def _floats(*values: Any) -> list[tf.Tensor]:
    """Values made by hand, integers among them, as tensors of the widest of their types."""
    tensors = [v if tf.is_tensor(v) else tf.constant(np.asarray(v)) for v in values]
    known = [t.dtype for t in tensors if t.dtype.is_floating]
    dtype = max(known, key=lambda d: d.size) if known else tf.float64
    return [tf.cast(t, dtype) for t in tensors]


@register
@cites("MateosRamos25")
class RayleighGain(Gain):
    r"""Gains :math:`\psi \sim \mathcal{CN}(0, \sigma_r^2)`, independent of the distance.

    Parameters
    ----------
    variance : `float`
        :math:`\sigma_r^2`

    Input
    -----
    distance : [...], `tf.float`
        Distance of the targets [m]

    Output
    ------
    : [...], `tf.complex`
        Gains
    """

    def __init__(
        self, variance: float = 1.0, *, precision: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(precision=precision, **kwargs)
        self.variance = checks.real("variance", variance, minimum=0, exclusive=True)

    def call(self, distance: Real) -> tf.Tensor:
        return complex_normal(linalg.sizes(distance), self.variance, self.precision)


@register
@cites("MateosRamos25")
class RadarEquationGain(Gain):
    r"""Gains from the radar equation with exponentially distributed radar cross section.

    .. math::
        \psi = \sqrt{\frac{\sigma \lambda^2}{(4\pi)^3 R^4}}\, e^{j\varphi},\quad
        \sigma \sim \mathrm{Exp}(\bar\sigma),\ \varphi \sim \mathcal{U}[0, 2\pi)

    Parameters
    ----------
    wavelength : `float`
        Carrier wavelength [m]
    mean_rcs : `float`, (default 1)
        Mean radar cross section :math:`\bar\sigma` [m^2]

    Input
    -----
    distance : [...], `tf.float`
        Distance of the targets [m]

    Output
    ------
    : [...], `tf.complex`
        Gains
    """

    def __init__(
        self,
        wavelength: float,
        *,
        mean_rcs: float = 1.0,
        precision: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(precision=precision, **kwargs)
        self.wavelength = checks.wavelength("wavelength", wavelength)
        self.mean_rcs = checks.real("mean_rcs", mean_rcs, minimum=0, exclusive=True)

    def call(self, distance: Real) -> tf.Tensor:
        # sqrt of an exponential times a uniform phase is a circular Gaussian
        fading = complex_normal(linalg.sizes(distance), 1.0, self.precision)
        amplitude = math.sqrt(self.mean_rcs * self.wavelength**2 / (4 * math.pi) ** 3)
        return fading * linalg.to_complex(amplitude / distance**2)


@register
@cites("MateosRamos25")
class TargetScene(Layer):
    """Random point targets, uniform in the sector and in the intervals of range and velocity.

    Parameters
    ----------
    max_targets : `int`
        Largest number of targets of a sample
    range_interval : (`float`, `float`)
        Smallest and largest distance [m]
    gain : :class:`RayleighGain` | :class:`RadarEquationGain` | another
        :class:`~sionna_isac.core.Gain` that draws the gains of targets at given distances
    num_targets : `None` (default) | `int`
        Number of targets of every sample; `None` draws it uniformly from 0 to ``max_targets``
    velocity_interval : `None` (default) | (`float`, `float`)
        Smallest and largest radial velocity, positive for receding targets [m/s]; `None` draws
        targets at rest. Angles, ranges and gains of the same seed do not depend on it.

    Input
    -----
    sector : [batch_size, 2], `tf.float`
        Lower and upper azimuth [rad]

    Output
    ------
    : :class:`PointTargets`
        Targets
    """

    def __init__(
        self,
        max_targets: int,
        range_interval: Any,
        gain: Layer,
        *,
        num_targets: int | None = None,
        velocity_interval: Any = None,
        precision: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(precision=precision, **kwargs)
        self.max_targets = checks.integer("max_targets", max_targets)
        self.range_interval = checks.range_interval("range_interval", range_interval)
        self.gain = checks.instance("gain", gain, Gain)
        self.num_targets = (
            None
            if num_targets is None
            else checks.integer("num_targets", num_targets, minimum=0, maximum=self.max_targets)
        )
        self.velocity_interval = (
            None
            if velocity_interval is None
            else checks.interval("velocity_interval", velocity_interval)
        )

    def call(self, sector: Real) -> PointTargets:
        sector = checks.sector("sector", sector)
        shape = [linalg.sizes(sector)[0], self.max_targets]
        unit = uniform(shape, precision=self.precision)
        angle = sector[:, :1] + (sector[:, 1:] - sector[:, :1]) * unit
        distance = uniform(shape, *self.range_interval, precision=self.precision)
        if self.num_targets is None:
            count = uniform_integers(shape[:1], self.max_targets + 1)
        else:
            count = tf.fill(shape[:1], self.num_targets)
        present = tf.range(self.max_targets) < count[:, tf.newaxis]
        gain = tf.where(present, self.cast(self.gain(distance)), tf.zeros([], self.cdtype))
        velocity = None
        if self.velocity_interval is not None:  # last: the other draws are those at rest
            velocity = uniform(shape, *self.velocity_interval, precision=self.precision)
        return PointTargets(angle, distance, gain, count, velocity)
