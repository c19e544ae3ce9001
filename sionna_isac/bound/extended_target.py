"""Extended targets made of scatterers."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from scipy.constants import c as SPEED_OF_LIGHT

from sionna_isac.core import checks, cites
from sionna_isac.scene.scatterers import (
    RigidTargets,
    ScattererGeometry,
    radar_amplitude,
    scatterer_geometry,
)

__all__ = ["ExtendedTarget"]


@cites("Wang25")
@dataclasses.dataclass(frozen=True, eq=False)
class ExtendedTarget:
    r"""Rigid body of point scatterers in front of a planar array at the origin, facing along x.

    Parameters
    ----------
    points : [..., num_scatterers, 3], array_like
        Positions :math:`\mathbf{m}_l` in the frame of the body [m]
    weights : [..., num_scatterers], array_like
        Squared amplitudes :math:`\zeta_l^2` of the scatterers, such as their radar cross sections
        [m^2]. A weight 0 is a scatterer that is not there, so that targets with different numbers
        make a batch.
    range : [...], array_like
        Distance :math:`d_o` of the origin of the body [m]
    azimuth, elevation : [...], array_like
        Its direction :math:`\theta_o, \phi_o` [rad]
    orientation : `None` (default) | [...], array_like
        Angle :math:`\varphi` of the body's x axis, counter-clockwise about z [rad]. `None` is 0,
        known, and no parameter of the pose (see :meth:`point`).

    Raises
    ------
    ValueError
        If shapes do not fit, a value is not finite, weights are negative or all 0, or a scatterer
        is not in front of the array (x > 0)

    Example
    -------
    >>> target = isac.bound.ExtendedTarget(
    ...     [[1.0, 0.5, 0.2], [-1.0, 0.4, 0.1]], [0.5, 0.5],
    ...     range=20.0, azimuth=0.3, elevation=-0.1, orientation=0.9,
    ... )
    >>> target.derivatives.shape
    (2, 3, 4)
    """

    points: Any
    weights: Any
    range: Any = dataclasses.field(kw_only=True)
    azimuth: Any = dataclasses.field(kw_only=True)
    elevation: Any = dataclasses.field(kw_only=True)
    orientation: Any = dataclasses.field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        points = checks.finite("points", checks.floats("points", self.points))
        if points.ndim < 2 or points.shape[-1] != 3 or not points.shape[-2]:
            raise ValueError(
                f"points must have shape [..., num_scatterers, 3]; got shape {list(points.shape)}"
            )
        weights = checks.finite("weights", checks.floats("weights", self.weights))
        if weights.shape != points.shape[:-1]:
            raise ValueError(
                f"weights must have the shape {list(points.shape[:-1])} of the points; got "
                f"shape {list(weights.shape)}"
            )
        if np.any(weights < 0):
            raise ValueError(f"weights must be >= 0; got {np.min(weights):g}")
        if not np.all(np.any(weights > 0, axis=-1)):
            raise ValueError("weights must hold a value > 0 for each target; got 0 alone")
        values = {"points": points, "weights": weights}
        for name in ("range", "azimuth", "elevation", "orientation"):
            given = getattr(self, name)
            if given is None and name == "orientation":
                continue
            value = checks.finite(name, checks.floats(name, given))
            if value.shape not in ((), weights.shape[:-1]):
                raise ValueError(
                    f"{name} must be a number or have shape {list(weights.shape[:-1])}, one per "
                    f"target; got shape {list(value.shape)}"
                )
            values[name] = np.broadcast_to(value, weights.shape[:-1])
        if np.any(values["range"] <= 0):
            raise ValueError(f"range must be > 0 m; got {np.min(values['range']):g}")
        for name, value in values.items():
            value = value.copy()
            value.setflags(write=False)
            object.__setattr__(self, name, value)
        ahead = self.positions[..., 0]
        if np.any(ahead[self.weights > 0] <= 0):
            raise ValueError(
                "range, azimuth and elevation must put all scatterers in front of the array, at "
                f"x > 0; got one at x = {np.min(ahead[self.weights > 0]):.4g} m"
            )

    @classmethod
    def point(cls, range: Any, azimuth: Any, elevation: Any, weight: float = 1.0) -> ExtendedTarget:
        """One scatterer at the origin of the body: a pose of range, azimuth and elevation alone.

        Parameters
        ----------
        range, azimuth, elevation
            As for :class:`ExtendedTarget`
        weight : `float`, (default 1)
            Squared amplitude

        Output
        ------
        : :class:`ExtendedTarget`
            With three parameters: ``effective_fim(fim, num_interest=3)``
        """
        range, azimuth, elevation = np.broadcast_arrays(range, azimuth, elevation)
        batch = range.shape
        weights = np.full((*batch, 1), checks.real("weight", weight, minimum=0, exclusive=True))
        pose = {"range": range, "azimuth": azimuth, "elevation": elevation}
        return cls(np.zeros((*batch, 1, 3)), weights, **pose)

    @classmethod
    def stack(cls, targets: Sequence[ExtendedTarget]) -> ExtendedTarget:
        """Batch of targets; those with fewer scatterers get more, of weight 0.

        Parameters
        ----------
        targets : sequence of :class:`ExtendedTarget`
            Targets of the same batch shape, with the same parameters

        Output
        ------
        : :class:`ExtendedTarget`
            Batch of shape [len(targets), ...]
        """
        if not isinstance(targets, Sequence):
            raise TypeError(
                f"targets must be a sequence, such as a list; got one {type(targets).__name__}"
            )
        each = [checks.instance("targets", t, ExtendedTarget) for t in targets]
        if len({t.num_pose for t in each}) != 1 or len({t.range.shape for t in each}) != 1:
            raise ValueError(
                "targets must be one or more of the same batch shape, all with or all without an "
                f"orientation; got {len(each)} of shapes {[list(t.range.shape) for t in each]}"
            )
        most = max(t.weights.shape[-1] for t in each)

        def padded(value: np.ndarray, axis: int) -> np.ndarray:
            missing = [(0, 0)] * value.ndim
            missing[axis] = (0, most - value.shape[axis])
            return np.pad(value, missing)

        names = ("range", "azimuth", "elevation", "orientation")[: each[0].num_pose]
        return cls(
            np.stack([padded(t.points, -2) for t in each]),
            np.stack([padded(t.weights, -1) for t in each]),
            **{name: np.stack([getattr(t, name) for t in each]) for name in names},
        )

    @property
    def num_pose(self) -> int:
        """`int` : Number of parameters of the pose, 3 or, with an orientation, 4"""
        return 3 if self.orientation is None else 4

    @functools.cached_property
    def pose(self) -> np.ndarray:
        """[..., 4], `np.float64` : Range [m], azimuth, elevation and orientation [rad]"""
        orientation = np.zeros_like(self.range) if self.orientation is None else self.orientation
        return np.stack([self.range, self.azimuth, self.elevation, orientation], axis=-1)

    @functools.cached_property
    def _geometry(self) -> ScattererGeometry:
        return scatterer_geometry(tf.constant(self.points), tf.constant(self.pose))

    @property
    def positions(self) -> np.ndarray:
        """[..., num_scatterers, 3], `np.float64` : Positions in the world [m]"""
        return self._geometry.position.numpy()

    @property
    def ranges(self) -> np.ndarray:
        """[..., num_scatterers], `np.float64` : Distances of the scatterers [m]"""
        return self._geometry.range.numpy()

    @property
    def azimuths(self) -> np.ndarray:
        """[..., num_scatterers], `np.float64` : Azimuths of the scatterers [rad]"""
        return self._geometry.azimuth.numpy()

    @property
    def elevations(self) -> np.ndarray:
        """[..., num_scatterers], `np.float64` : Elevations of the scatterers [rad]"""
        return self._geometry.elevation.numpy()

    @property
    def delays(self) -> np.ndarray:
        """[..., num_scatterers], `np.float64` : Two-way delays [s]"""
        return 2 * self.ranges / SPEED_OF_LIGHT

    @property
    def derivatives(self) -> np.ndarray:
        """[..., num_scatterers, 3, num_pose], `np.float64` : Of range and angles by the pose"""
        return self._geometry.derivatives(tf.constant(self.pose)).numpy()[..., : self.num_pose]

    def path_gain(self, wavelength: float) -> np.ndarray:
        r"""Gain :math:`\beta = \lambda / ((4\pi)^{3/2} d_o^2)` of a target of 1 m^2.

        Parameters
        ----------
        wavelength : `float`
            Carrier wavelength [m]

        Output
        ------
        : [...], `np.float64`
        """
        return radar_amplitude(self.range, checks.wavelength("wavelength", wavelength))

    def scatterers(self, path_gain: Any, phases: Any = 0.0) -> RigidTargets:
        r"""Target as :class:`~sionna_isac.channel.ScattererEcho` takes it, a batch of at least one.

        Parameters
        ----------
        path_gain : [...], array_like
            :math:`\beta`
        phases : [..., num_scatterers], array_like, (default 0)
            Phases :math:`\psi_l` of the scatterers [rad]

        Output
        ------
        : :class:`~sionna_isac.scene.RigidTargets`
            With gains :math:`\beta\zeta_l e^{j\psi_l}`, in double precision
        """
        phases = checks.floats("phases", phases)
        if phases.shape not in ((), self.weights.shape):
            raise ValueError(
                f"phases must be a number or have shape {list(self.weights.shape)}, one per "
                f"scatterer; got shape {list(phases.shape)}"
            )
        beta = checks.finite("path_gain", checks.floats("path_gain", path_gain))
        if beta.shape not in ((), self.range.shape):
            raise ValueError(
                f"path_gain must be a number or have shape {list(self.range.shape)}, one per "
                f"target; got shape {list(beta.shape)}"
            )
        gain = beta[..., np.newaxis] * np.sqrt(self.weights) * np.exp(1j * phases)
        values = [self.points, checks.complexes("phases", gain), *np.moveaxis(self.pose, -1, 0)]
        single = not self.range.ndim
        batched = [v[np.newaxis] if single else v for v in values]
        return RigidTargets(*map(tf.constant, batched))
