"""Echo of an extended target made of point scatterers."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from scipy.constants import c as SPEED_OF_LIGHT

from sionna_isac.channel.echo import MonostaticEcho
from sionna_isac.core import (
    Array,
    Complex,
    Real,
    checks,
    cites,
    linalg,
    plane_wave_array,
    register,
    spherical_wave_array,
    uniform,
)
from sionna_isac.scene import RigidTargets
from sionna_isac.waveform import Numerology

__all__ = ["ScattererEcho"]


class _Scatterers(NamedTuple):
    """Scatterers with the attributes of point targets, and their positions."""

    position: tf.Tensor
    angle: tf.Tensor
    range: tf.Tensor
    gain: tf.Tensor
    velocity: None = None


@register
@cites("Wang25")
class ScattererEcho(MonostaticEcho):
    r"""Coherent echo of the scatterers of a rigid body, at a planar or a linear array.

    .. math::
        \mathbf{y}_s = \nu \sum_l \psi_l\, \mathbf{b}(\theta_l, \phi_l)\,
        \mathbf{a}^\top(\theta_l, \phi_l)\, \mathbf{x}_s\,
        e^{-j2\pi (s - \bar{s}) \Delta_f \tau_l} + \mathbf{w}_s

    The echo that :func:`~sionna_isac.bound.extended_target_fim` bounds, at its level "coherent":
    frequencies count from the mean :math:`\bar{s}` of the active subcarriers, the phase of the
    carrier is part of the gains :math:`\psi_l`. Inputs and outputs are those of
    :class:`MonostaticEcho`, with a body in place of points; receivers and learning take it as they
    take that.

    A linear array sees the angle :math:`\arcsin(\sin\theta_l\cos\phi_l)`; note that the steering
    vector of :class:`~sionna_isac.array.UniformLinearArray` is the conjugate of that of
    :class:`~sionna_isac.array.UniformPlanarArray`.

    Parameters
    ----------
    array : :class:`~sionna_isac.core.Array`
        The true array: a :class:`~sionna_isac.array.UniformPlanarArray`, another that takes points
        x, y and z, or one that takes azimuths
    numerology : :class:`~sionna_isac.waveform.Numerology`
        Numerology; the echo is 0 on inactive subcarriers
    normalize : `bool`, (default `False`)
        If `True`, :math:`\nu = 1/\sqrt{S}` over S active subcarriers, else 1
    receive_array : `None` (default) | :class:`~sionna_isac.core.Array`
        The true array of the receiver, of the same wavelength; `None` is ``array``
    random_phases : `bool`, (default `False`)
        If `True`, each call turns the gain of each scatterer by a phase of its own, uniform in
        :math:`[0, 2\pi)`

    Input
    -----
    x : [batch_size, ..., num_subcarriers], `tf.complex`
        Symbols [batch_size, num_subcarriers] or [batch_size, num_symbols, num_subcarriers]
        (which the beam distributes over the antennas), or the signals of all antennas
        [batch_size, 1, num_antennas, num_symbols, num_subcarriers]
    targets : :class:`~sionna_isac.scene.RigidTargets`
        Targets, for instance :meth:`~sionna_isac.bound.ExtendedTarget.scatterers`
    beam : `None` (default) | [batch_size, num_antennas], `tf.complex`
        Beam; `None` if ``x`` holds the antenna signals
    no : `None` (default) | [...], `tf.float`
        Noise power :math:`N_0` [W], a number or [batch_size] (the leading dimensions of the
        output); `None` adds no noise

    Output
    ------
    : [batch_size, ..., num_subcarriers], `tf.complex`
        Received signal, see :class:`MonostaticEcho`

    Raises
    ------
    ValueError
        If shapes do not fit, the arrays have different wavelengths, or a value is out of its range

    Example
    -------
    >>> array = isac.array.UniformPlanarArray((8, 8), numerology.wavelength)
    >>> echo = isac.channel.ScattererEcho(array, numerology)
    >>> y = echo(x, target.scatterers(target.path_gain(array.wavelength)), beam, no)
    """

    def __init__(
        self,
        array: Array,
        numerology: Numerology,
        *,
        normalize: bool = False,
        receive_array: Array | None = None,
        random_phases: bool = False,
        precision: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            array,
            numerology,
            normalize=normalize,
            receive_array=receive_array,
            precision=precision,
            **kwargs,
        )
        self.random_phases = bool(random_phases)

    def _checked(self, name: str, array: Any) -> Any:
        points = getattr(array, "num_axes", 0)
        return spherical_wave_array(name, array, 3) if points else plane_wave_array(name, array)

    def call(  # type: ignore[override]  # bodies in place of points
        self,
        x: Complex,
        targets: RigidTargets,
        beam: Complex | None = None,
        no: Real | None = None,
    ) -> tf.Tensor:
        return self._received(x, self._seen(targets), beam, no)

    def _seen(self, targets: RigidTargets) -> _Scatterers:
        checks.shape("targets.points", targets.points, [None, None, 3])
        batch_size, number = targets.points.shape[:2]
        checks.shape("targets.gain", targets.gain, [batch_size, number])
        for name in ("range", "azimuth", "elevation", "orientation"):
            checks.shape(f"targets.{name}", getattr(targets, name), [batch_size])
        geometry = targets.geometry
        mean = float(np.mean(self.numerology.subcarriers))
        turn = 4 * math.pi * mean * self.numerology.subcarrier_spacing / SPEED_OF_LIGHT
        gain = targets.gain * linalg.expj(turn * geometry.range)
        if self.random_phases:
            size = linalg.sizes(geometry.range)
            gain *= linalg.expj(uniform(size, 0.0, 2 * math.pi, precision=self.precision))
        angle = tf.asin(geometry.position[..., 1] / geometry.range)
        return _Scatterers(geometry.position, angle, geometry.range, gain)

    def _place(self, targets: Any, array: Array) -> tf.Tensor:
        return targets.position if array.num_axes else targets.angle

    def _given(self, targets: Any) -> Any:
        return self._seen(self.cast(targets, RigidTargets, "targets"))
