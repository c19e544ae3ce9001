"""The near-field scene that beams are designed for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sionna_isac.core import checks, cites

__all__ = ["NearFieldScene"]


@cites("Yuan25")
@dataclass(frozen=True, eq=False)
class NearFieldScene:
    r"""One target and the users in the near field of a linear array, Section II of [Yuan25]_.

    The array lies on the y axis, sends :math:`\mathbf{F}\mathbf{s}(t)` with uncorrelated symbols of
    unit power, and receives :math:`\beta\,\mathbf{a}\mathbf{a}^H\mathbf{F}\mathbf{s}(t)` and noise,
    where :math:`a_n = e^{-j 2\pi r_n/\lambda}`; user :math:`k` receives
    :math:`\mathbf{h}_k^H\mathbf{F}\mathbf{s}(t)` and noise of the same power.

    Parameters
    ----------
    element_positions : [num_antennas], array_like
        Positions of the elements along the y axis [m]
    wavelength : `float`
        Wavelength [m]
    target : [2], array_like
        Position (x, y) of the target [m]
    reflection : `complex`
        Coefficient :math:`\beta` of the echo, not zero
    no : `float`
        Noise power :math:`\sigma^2` at the array and at the users [W]
    num_snapshots : `int`
        Number :math:`T` of symbols that the echo is observed for
    channels : [num_users, num_antennas], array_like or `None`
        Channels :math:`\mathbf{h}_k`; none for sensing without users

    Raises
    ------
    ValueError
        If an argument is out of range or not finite, if the target lies on the array, or if the
        array cannot locate it (less than three elements, or a target in line with the array)

    Example
    -------
    >>> scene = isac.beamforming.NearFieldScene(
    ...     element_positions, wavelength, target, reflection, no, 100, channels)
    >>> isac.beamforming.minimize_speb(scene, power=1.0, min_rates=5.0).peb
    """

    element_positions: np.ndarray
    wavelength: float
    target: np.ndarray
    reflection: complex
    no: float
    num_snapshots: int
    channels: np.ndarray = None  # type: ignore[assignment]  # of no user

    def __post_init__(self) -> None:
        positions = np.asarray(self.element_positions)
        if positions.ndim != 1 or positions.size == 0:
            raise ValueError(
                "element_positions must be a vector of positions along the y axis; "
                f"got shape {list(positions.shape)}"
            )
        positions = checks.vector("element_positions", positions, positions.size).copy()
        target = checks.vector("target", self.target, 2).copy()
        reflection = checks.complexes("reflection", self.reflection)
        if reflection.shape != () or reflection == 0:
            raise ValueError(
                f"reflection must be one complex number, not zero; got {self.reflection!r}"
            )
        channels = np.zeros([0, positions.size], np.complex128)
        if self.channels is not None:
            channels = checks.complexes("channels", self.channels).copy()
        if channels.ndim != 2 or channels.shape[1] != positions.size:
            raise ValueError(
                f"channels must have shape [num_users, {positions.size}]; "
                f"got shape {list(channels.shape)}"
            )
        silent = np.flatnonzero(np.all(channels == 0, axis=1))
        if silent.size:
            raise ValueError(f"channels must not be zero; got zeros for user {silent[0]}")
        fields = {
            "element_positions": positions,
            "wavelength": checks.wavelength("wavelength", self.wavelength),
            "target": target,
            "reflection": complex(reflection),
            "no": checks.real("no", self.no, minimum=0, exclusive=True),
            "num_snapshots": checks.integer("num_snapshots", self.num_snapshots),
            "channels": channels,
        }
        for name, value in fields.items():
            if isinstance(value, np.ndarray):
                value.flags.writeable = False
            object.__setattr__(self, name, value)
        self._check_geometry()

    def _check_geometry(self) -> None:
        distance = np.hypot(self.target[0], self.target[1] - self.element_positions)
        nearest = int(np.argmin(distance))
        if distance[nearest] <= 1e-9 * self.wavelength:
            raise ValueError(
                f"target must not lie on the array; got {self.target.tolist()}, "
                f"the position of element {nearest}"
            )
        if self.num_antennas < 3:
            raise ValueError(
                "element_positions must hold at least 3 elements: the curvature of the wave gives "
                f"the range; got {self.num_antennas}"
            )
        cosines = np.stack([self.target[0] / distance, _sines(self) / distance])
        spread = np.linalg.svd(cosines - cosines.mean(1, keepdims=True), compute_uv=False)
        if spread[1] <= 1e-9 * spread[0] or spread[0] <= 1e-12:
            raise ValueError(
                "the array cannot locate the target: the directions from its elements to "
                f"{self.target.tolist()} do not differ in both coordinates"
            )

    @property
    def num_antennas(self) -> int:
        """Number of elements."""
        return self.element_positions.size

    @property
    def num_users(self) -> int:
        """Number of users."""
        return self.channels.shape[0]


def _sines(scene: NearFieldScene) -> np.ndarray:
    return scene.target[1] - scene.element_positions
