"""Clutter: many weak scatterers at rest."""

from __future__ import annotations

import math
from typing import Any

import tensorflow as tf

from sionna_isac.core import Layer, Real, checks, complex_normal, gamma, linalg, register, uniform
from sionna_isac.scene.point_target import PointTargets

__all__ = ["ClutterScene"]

_LAWS = ("rayleigh", "weibull", "k")


@register
class ClutterScene(Layer):
    r"""Random clutter: many weak scatterers, uniform in the sector and in the range interval.

    Phases are uniform, amplitudes independent of each other and of the distance, with

    .. math::
        \mathrm{CNR} = \frac{1}{N_0} \sum_{q=1}^{Q} E\lbrace|\psi_q|^2\rbrace :

    the mean power of all scatterers on an antenna and resource element over the noise power there,
    for a beam pattern :math:`|\mathbf{a}^\top\mathbf{f}| = 1`, symbols of power 1 and
    :math:`\nu = 1`, before any processing. Clutter in a part of the ranges has an edge there.

    Echoes are linear: add that of the clutter to that of the targets, and noise to one of them.

    Parameters
    ----------
    num_scatterers : `int`
        Number of scatterers :math:`Q` of a sample
    range_interval : (`float`, `float`)
        Smallest and largest distance [m]
    cnr_db : `float`
        Clutter-to-noise ratio [dB]
    amplitude : "rayleigh" (default) | "weibull" | "k"
        Law of the amplitudes. "weibull" is
        :math:`P(|\psi| > a) = e^{-(a/b)^c}`, "k" a Rayleigh law whose power is gamma distributed;
        both have heavy tails for small shape parameters.
    shape_parameter : `None` (default) | `float`
        Shape parameter, needed for "weibull" (:math:`c`, of which 2 is the Rayleigh law) and "k"
        (that of the gamma law, of which the limit is the Rayleigh law)
    velocity_std : `float`, (default 0)
        Standard deviation of the radial velocities about 0 (normal law) [m/s]

    Input
    -----
    sector : [batch_size, 2], `tf.float`
        Lower and upper azimuth [rad]
    no : [...], `tf.float`
        Noise power :math:`N_0` [W], a number or [batch_size], above 0

    Output
    ------
    : :class:`PointTargets`
        Scatterers, with velocities if ``velocity_std`` is above 0

    Raises
    ------
    ValueError
        If a value is out of its range, or ``shape_parameter`` does not go with the law

    Example
    -------
    >>> clutter = isac.scene.ClutterScene(200, (10.0, 60.0), cnr_db=20.0)
    >>> y = echo(x, targets, beam, no) + echo(x, clutter(sector, no), beam)
    """

    def __init__(
        self,
        num_scatterers: int,
        range_interval: Any,
        *,
        cnr_db: float,
        amplitude: str = "rayleigh",
        shape_parameter: float | None = None,
        velocity_std: float = 0.0,
        precision: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(precision=precision, **kwargs)
        self.num_scatterers = checks.integer("num_scatterers", num_scatterers)
        self.range_interval = checks.range_interval("range_interval", range_interval)
        self.cnr_db = checks.real("cnr_db", cnr_db)
        self.amplitude = checks.one_of("amplitude", amplitude, _LAWS)
        if (shape_parameter is None) != (amplitude == "rayleigh"):
            raise ValueError(
                "shape_parameter must be given exactly for the amplitudes 'weibull' and 'k'; got "
                f"{shape_parameter!r} for {amplitude!r}"
            )
        self.shape_parameter: Any = (
            None
            if shape_parameter is None
            else checks.real("shape_parameter", shape_parameter, minimum=0, exclusive=True)
        )
        self.velocity_std = checks.real("velocity_std", velocity_std, minimum=0)

    def call(self, sector: Real, no: Real) -> PointTargets:
        sector = checks.sector("sector", sector)
        size = [linalg.sizes(sector)[0], self.num_scatterers]
        angle = sector[:, :1] + (sector[:, 1:] - sector[:, :1]) * self._uniform(size)
        no = checks.noise_power(no, angle, "sector", positive=True, per_sample=True)
        power = 10 ** (self.cnr_db / 10) / self.num_scatterers * no
        root = tf.sqrt(tf.where(no > 0, power, float("nan")))
        distance = uniform(size, *self.range_interval, precision=self.precision)
        gain = self._unit_power(size) * linalg.to_complex(root)
        count = tf.fill(size[:1], self.num_scatterers)
        if not self.velocity_std:
            return PointTargets(angle, distance, gain, count)
        velocity = tf.math.real(complex_normal(size, 2 * self.velocity_std**2, self.precision))
        return PointTargets(angle, distance, gain, count, velocity)

    def _uniform(self, size: Any) -> tf.Tensor:
        return uniform(size, precision=self.precision)

    def _unit_power(self, size: Any) -> tf.Tensor:
        """Gains of mean power 1."""
        if self.amplitude == "rayleigh":
            return complex_normal(size, 1.0, self.precision)
        if self.amplitude == "k":
            power = gamma(size, self.shape_parameter, self.precision) / self.shape_parameter
            return complex_normal(size, 1.0, self.precision) * linalg.to_complex(tf.sqrt(power))
        scale = math.exp(-math.lgamma(1 + 2 / self.shape_parameter) / 2)
        magnitude = scale * (-tf.math.log1p(-self._uniform(size))) ** (1 / self.shape_parameter)
        phase = linalg.expj(2 * math.pi * self._uniform(size))
        return linalg.to_complex(magnitude) * phase
