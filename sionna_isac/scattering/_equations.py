"""Discrete equations of a target between antennas, and the formulation of their adjoint.

What is here holds for both backends: they implement products with the operator and iterate.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, NamedTuple

import numpy as np
from scipy.constants import c, epsilon_0

from sionna_isac.core import checks
from sionna_isac.core.layer import resolve_precision
from sionna_isac.scattering._target import Voxels
from sionna_isac.scattering.dipole import point_list, vector_list
from sionna_isac.scattering.errors import NotConvergedError
from sionna_isac.scattering.green import CACHE, KERNELS, choose_kernel, self_term
from sionna_isac.scattering.material import (
    contrast,
    effective_conductivity,
    metal_advice,
    mixed,
    permittivities,
)

__all__ = ["Algebra", "Antennas", "Equations", "Problem", "Side", "System"]

SMALLEST_TOLERANCE = {"single": 1e-6, "double": 1e-13}
LARGEST_TOLERANCE = 0.1
METAL = 1e3  # S/m, as of scene.Material.opaque


class Antennas(NamedTuple):
    """Dipoles that excite and sense, arrays or tensors, of a sample or of a batch [B, ...]."""

    tx_positions: Any
    """[T, 3] [m]"""
    tx_vectors: Any
    """[T, 3], moments"""
    rx_positions: Any
    """[R, 3] [m]"""
    rx_vectors: Any
    """[R, 3], conjugate polarisations"""

    def swapped(self) -> Antennas:
        """Receivers as transmitters."""
        return Antennas(*self[2:], *self[:2])


@dataclass(frozen=True, eq=False)
class Equations:
    """The discrete equations of voxels, but for their material and for the antennas."""

    voxels: Voxels
    frequencies: np.ndarray
    kernel: str
    dtype: type
    tolerance: float
    max_iterations: int
    effective_metal: bool

    @classmethod
    def checked(
        cls,
        voxels: Voxels,
        frequencies: Any,
        kernel: str,
        tolerance: float,
        precision: str,
        metal: str,
        max_iterations: int,
        allow_coarse: bool,
    ) -> Equations:
        """Equations from user input; without normals if all voxels are whole."""
        if voxels.fill is not None and np.all(voxels.fill == 1):
            voxels = voxels._replace(fill=None, normals=None)
        smallest = SMALLEST_TOLERANCE[precision]
        equations = cls(
            voxels,
            _frequencies(frequencies),
            checks.one_of("kernel", kernel, ("auto", *KERNELS)),
            np.complex64 if precision == "single" else np.complex128,
            checks.real("tolerance", tolerance, minimum=smallest, maximum=LARGEST_TOLERANCE),
            checks.integer("max_iterations", max_iterations),
            checks.one_of("metal", metal, ("exact", "effective")) == "effective",
        )
        voxels.check_resolution(float(equations.frequencies.max()), allow_coarse)
        return equations

    @cached_property
    def wavenumbers(self) -> np.ndarray:
        """[F]"""
        return 2 * math.pi * self.frequencies / c

    @cached_property
    def kernels(self) -> list[str]:
        """Kernel at each frequency"""
        return [choose_kernel(self.kernel, k * self.voxels.voxel_size) for k in self.wavenumbers]

    @cached_property
    def depolarization(self) -> np.ndarray:
        """[F], 1/3 - M of the kernels"""
        size = self.voxels.voxel_size
        pairs = zip(self.frequencies, self.kernels, strict=True)
        return np.array([1 / 3 - self_term(size, f, kernel) for f, kernel in pairs])

    @cached_property
    def cells(self) -> np.ndarray:
        """[F], side of the cubes over which fields of antennas are averaged [m], 0 for none"""
        size = self.voxels.voxel_size
        return np.array([size if kernel == "galerkin" else 0.0 for kernel in self.kernels])

    @property
    def scale(self) -> float:
        """From unconjugated products of fields k^2 G p with the polarisation to volts per metre"""
        # k^2 G p / eps_0 on one side, eps_0 d^3 k^2 G q* / eps_0 on the other
        return self.voxels.voxel_size**3 / epsilon_0

    @property
    def voxels_per_wavelength(self) -> float:
        """Voxels per wavelength of free space at the highest frequency"""
        return 1 / (self.voxels.voxel_size * float(self.frequencies.max()) / c)

    def spectrum(self, n: int) -> np.ndarray:
        """Spectrum [6, px, py, pz] of the kernel at frequency n."""
        size, shape = self.voxels.voxel_size, self.voxels.shape
        return CACHE.get(shape, size, float(self.frequencies[n]), self.kernels[n], self.dtype)

    def polarizability(self, contrast: Any, depolarization: Any) -> list:
        r"""Polarisability of the voxels in units of their volume, of arrays or tensors [..., N].

        .. math::
            \mathbf{a} = \chi \left(1 + \chi(\tfrac{1}{3} - M)\right)^{-1},\quad
            \mathbf{P} = \varepsilon_0 d^3 \mathbf{a} \mathbf{E}_\mathrm{exc}

        With a fill below 1, the contrast is a tensor with the normal of the surface as an axis, and
        so is :math:`\mathbf{a} = a_\parallel (\mathbf{I} - \mathbf{n}\mathbf{n}^T) + a_\perp
        \mathbf{n}\mathbf{n}^T`: functions of it act on the two values.
        """
        fill = self.voxels.fill
        parts = [contrast] if fill is None else mixed(contrast, fill)
        return [part / (1 + depolarization * part) for part in parts]

    def has_metal(self, n: int, values: np.ndarray) -> bool:
        """`True` if a cap on the conductivity would change the material of values [1 or 2, N]."""
        loss = -(values[0] / (1 - self.depolarization[n] * values[0])).imag
        largest = np.max(loss) * 2 * np.pi * float(self.frequencies[n]) * epsilon_0
        return not self.effective_metal and bool(largest > METAL)

    def advice(self, n: int, values: np.ndarray, error: NotConvergedError) -> str:
        """Advice for equations that were not solved; all of it would be accepted."""
        reached = self.tolerance * error.ratio
        hints = []
        if reached <= LARGEST_TOLERANCE / 1.1:
            hints.append(f"a tolerance above {1.1 * reached:.1e} (about what was reached)")
        elif self.tolerance < LARGEST_TOLERANCE:
            hints.append(f"a tolerance above {self.tolerance:g}")
        if error.exhausted:
            hints.append(f"max_iterations above {self.max_iterations}")
        elif self.dtype == np.complex64:  # stopped by rounding
            hints.append("precision='double'")
        size = self.voxels.voxel_size
        best = choose_kernel("auto", self.wavenumbers[n] * size)
        if self.kernels[n] == "point" and best != "point":
            hints.append("kernel='auto'")
        if self.has_metal(n, values):
            hints.append(metal_advice(size, float(self.frequencies.max())))
        return f"try {' or '.join(hints) or 'other voxels'}"


class Problem(NamedTuple):
    """Checked arguments of :func:`~sionna_isac.scattering.volume_response`."""

    equations: Equations
    permittivity: np.ndarray
    """[N]"""
    conductivity: np.ndarray
    """[N] [S/m]"""
    antennas: Antennas

    @classmethod
    def checked(
        cls,
        positions: Any,
        voxel_size: float,
        permittivity: Any,
        conductivity: Any,
        frequencies: Any,
        tx_positions: Any,
        tx_moments: Any,
        rx_positions: Any,
        rx_polarizations: Any,
        *,
        fill: Any = None,
        normals: Any = None,
        kernel: str = "auto",
        tolerance: float = 1e-5,
        precision: str | None = None,
        metal: str = "exact",
        max_iterations: int = 2000,
        allow_coarse: bool = False,
    ) -> Problem:
        """Problem from user input; voxels of free space are left out."""
        precision = resolve_precision(precision)
        voxels = Voxels.checked(positions, voxel_size, fill, normals)
        num = len(voxels.positions)
        permittivity = permittivities(permittivity)
        if permittivity.shape != (num,):
            raise ValueError(
                f"permittivity must have shape [{num}]; got shape {list(permittivity.shape)}"
            )
        conductivity = checks.vector("conductivity", conductivity, num)
        solid = contrast(permittivity, conductivity, 1e9) != 0
        if voxels.fill is not None:
            solid &= voxels.fill > 0
        if not np.any(solid):
            raise ValueError("permittivity and conductivity must make a target: all is free space")
        voxels = voxels.subset(solid)
        tx, rx = (
            point_list(name, points)
            for name, points in (("tx_positions", tx_positions), ("rx_positions", rx_positions))
        )
        moments = vector_list("tx_moments", tx_moments, len(tx))
        polarizations = vector_list("rx_polarizations", rx_polarizations, len(rx))
        voxels.check_clear("tx_positions", tx)
        voxels.check_clear("rx_positions", rx)
        equations = Equations.checked(
            voxels,
            frequencies,
            kernel,
            tolerance,
            precision,
            metal,
            max_iterations,
            allow_coarse,
        )
        antennas = Antennas(tx, moments, rx, polarizations.conj())
        return cls(equations, permittivity[solid], conductivity[solid], antennas)

    @property
    def shape(self) -> tuple[int, int, int]:
        """[F, R, T], of the response"""
        tx, _, rx, _ = self.antennas
        return len(self.equations.frequencies), len(rx), len(tx)

    def contrast(self, n: int) -> np.ndarray:
        """Contrast [N] of the material at the n-th frequency."""
        frequency = float(self.equations.frequencies[n])
        if not self.equations.effective_metal:
            return contrast(self.permittivity, self.conductivity, frequency)
        # all losses are capped, whether they were given as conductivity or as permittivity
        losses = self.conductivity - 2 * np.pi * frequency * epsilon_0 * self.permittivity.imag
        capped = effective_conductivity(losses, self.equations.voxels.voxel_size, frequency)
        return contrast(self.permittivity.real, capped, frequency)

    def values(self, n: int) -> np.ndarray:
        """Polarisability [1 or 2, N] at the n-th frequency."""
        depolarization = self.equations.depolarization[n]
        return np.stack(self.equations.polarizability(self.contrast(n), depolarization))


class Algebra(NamedTuple):
    """Operations of NumPy or of TensorFlow in which the adjoint is formulated."""

    wide: Callable
    """Real numbers as complex ones that multiply vectors"""
    norm: Callable
    """Norm of all entries, 1 for 0"""
    conj: Callable
    sum: Callable
    tensordot: Callable
    stack: Callable


class Side(NamedTuple):
    """Antennas of one side, in double precision."""

    fields: Any
    """[A, 3, N], fields k^2 G p on the voxels, each divided by its weight"""
    weight: Any
    """[A], real"""


class System(ABC):
    """The equations of one sample at one tone, as a backend offers them."""

    algebra: ClassVar[Algebra]
    equations: Equations
    normals: Any
    """`None` | [3, N]"""

    @abstractmethod
    def scattered(self, fields: Any) -> Any:
        """Field that all voxels add to incident fields, [A, 3, N]."""

    @abstractmethod
    def excited(self, state: Any) -> Any:
        """The same for the antennas with solutions, from the stored part of it."""

    def gradient(self, side: Side, others: Side, upstream: Any, state: Any) -> Any:
        r"""Gradient [1 or 2, N] with respect to the polarisability.

        The response is :math:`s\,\mathbf{e}_r^T (\mathbf{a}^{-1} - \mathbf{D})^{-1} \mathbf{e}_t`,
        whose derivative is the product of the exciting fields of both sides. Those of one side are
        known from the forward solution; those of the other enter in one combination for each
        antenna of the first, hence one more solution.

        Parameters
        ----------
        side, others : ``Side``
            Antennas that were solved for, and those of the other side
        upstream : [A, A']
            Gradient with respect to the response
        state
            State for :meth:`excited`
        """
        a = self.algebra
        weight = a.conj(upstream) * a.wide(side.weight[:, np.newaxis] * others.weight)
        combined = a.tensordot(weight, others.fields, 1)
        norm = a.norm(combined)
        combined = combined / a.wide(norm)  # single precision could not hold others
        adjoint = combined + self.scattered(combined)
        exciting = side.fields + self.excited(state)
        parts = [a.sum(adjoint * exciting, (0, 1))]
        if self.normals is not None:
            across = [a.sum(self.normals * field, 1) for field in (adjoint, exciting)]
            parts.append(a.sum(across[0] * across[1], 0))
            parts[0] = parts[0] - parts[1]
        return a.wide(self.equations.scale * norm) * a.conj(a.stack(parts))


def _frequencies(value: Any) -> np.ndarray:
    """``value`` as a vector of at least one positive frequency, no two the same."""
    frequencies = checks.frequencies("frequencies", value)
    if frequencies.ndim != 1 or not frequencies.size:
        raise ValueError(
            f"frequencies must have shape [F], F >= 1; got shape {list(frequencies.shape)}"
        )
    if len(np.unique(frequencies)) < len(frequencies):
        raise ValueError("frequencies must differ; got some more than once")
    return frequencies
