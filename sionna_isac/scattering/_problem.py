"""A target between antennas: the discrete equations at each frequency, and their solution."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from scipy.constants import c, epsilon_0

from sionna_isac.core import checks
from sionna_isac.core.layer import resolve_precision
from sionna_isac.scattering._fields import ElementFields, compress
from sionna_isac.scattering._krylov import solve
from sionna_isac.scattering._operator import VolumeOperator
from sionna_isac.scattering._polarizability import Polarizability
from sionna_isac.scattering._spectrum import CACHE
from sionna_isac.scattering._target import Target
from sionna_isac.scattering._tones import ToneHistory
from sionna_isac.scattering.dipole import point_list, vector_list
from sionna_isac.scattering.errors import NotConvergedError
from sionna_isac.scattering.green import choose_kernel, self_term
from sionna_isac.scattering.material import metal_advice

__all__ = ["Antennas", "Problem", "Solved", "System", "frequency_list"]

SMALLEST_TOLERANCE = {"single": 1e-6, "double": 1e-13}
LARGEST_TOLERANCE = 0.1


class Antennas(NamedTuple):
    """Dipoles that excite or sense."""

    positions: np.ndarray
    """[M, 3], [m]"""
    vectors: np.ndarray
    """[M, 3], moments or polarisations"""


class System(NamedTuple):
    """The discrete equations at one frequency."""

    kernel: str
    wavenumber: float
    operator: VolumeOperator
    tx: ElementFields
    rx: ElementFields


class Solved(NamedTuple):
    """Scaled polarisations under the antennas of one side: mixing @ solutions."""

    mixing: np.ndarray
    """[T, K]"""
    solutions: np.ndarray
    """[K, 3, N]"""
    iterations: int
    """Most products with the operator that a right-hand side took"""
    products: int
    """Products of all right-hand sides"""
    residual: float
    """Relative to the fields of the antennas, RMS over them"""


@dataclass(frozen=True, eq=False)
class Problem:
    """Checked arguments of :func:`~sionna_isac.scattering.volume_response`."""

    target: Target
    tx: Antennas
    rx: Antennas
    frequencies: np.ndarray
    kernel: str
    tolerance: float
    max_iterations: int
    dtype: type
    voxels_per_wavelength: float

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
        keep_empty: bool = False,
    ) -> Problem:
        """Problem from user input."""
        precision = resolve_precision(precision)
        target = Target.checked(
            positions,
            voxel_size,
            permittivity,
            conductivity,
            fill,
            normals,
            metal=metal,
            keep_empty=keep_empty,
        )
        tx_points = point_list("tx_positions", tx_positions)
        rx_points = point_list("rx_positions", rx_positions)
        tx = Antennas(tx_points, vector_list("tx_moments", tx_moments, len(tx_points)))
        rx = Antennas(rx_points, vector_list("rx_polarizations", rx_polarizations, len(rx_points)))
        target.check_clear("tx_positions", tx_points)
        target.check_clear("rx_positions", rx_points)
        frequencies = frequency_list(frequencies)
        return cls(
            target,
            tx,
            rx,
            frequencies,
            checks.one_of("kernel", kernel, ("auto", "filtered", "galerkin", "point")),
            checks.real(
                "tolerance",
                tolerance,
                minimum=SMALLEST_TOLERANCE[precision],
                maximum=LARGEST_TOLERANCE,
            ),
            checks.integer("max_iterations", max_iterations),
            np.complex64 if precision == "single" else np.complex128,
            target.check_resolution(float(frequencies.max()), allow_coarse),
        )

    @property
    def shape(self) -> tuple[int, int, int]:
        """[F, R, T], of the response"""
        return len(self.frequencies), len(self.rx.positions), len(self.tx.positions)

    def system(self, n: int) -> System:
        """Equations at the n-th frequency."""
        frequency, grid = float(self.frequencies[n]), self.target.grid
        size = grid.voxel_size
        wavenumber = 2 * math.pi * frequency / c
        kernel = choose_kernel(self.kernel, wavenumber * size)
        polarizability = Polarizability(
            self.target.contrast(frequency),
            self_term(size, frequency, kernel),
            self.target.fill,
            self.target.normals,
            self.dtype,
        )
        spectrum = CACHE.get(grid.shape, size, frequency, kernel, self.dtype)
        operator = VolumeOperator(spectrum, grid.cells, grid.shape, polarizability)
        cell = size if kernel == "galerkin" else 0.0
        tx, rx = (
            ElementFields(
                grid.positions, points, vectors, wavenumber, polarizability, self.dtype, cell
            )
            for points, vectors in (self.tx, (self.rx.positions, self.rx.vectors.conj()))
        )
        return System(kernel, wavenumber, operator, tx, rx)

    def history(self, side: str) -> ToneHistory:
        """Empty history of the solutions for "tx" or "rx"."""
        antennas = self.tx if side == "tx" else self.rx
        return ToneHistory(self.target.grid.positions, antennas.positions)

    def scale(self, system: System) -> np.ndarray:
        """[R, T], from products of normalised fields to volts per metre."""
        # k^2 G p / eps_0 on one side, eps_0 d^3 k^2 G q* / eps_0 on the other
        factor = self.target.grid.voxel_size**3 / epsilon_0
        return factor * np.outer(system.rx.weight, system.tx.weight)

    def solve(self, system: System, fields: ElementFields, history: ToneHistory) -> Solved:
        """Solve for all antennas of one side at once, from what is known of earlier tones."""
        basis = compress(fields, self.tolerance)
        num = len(basis.rows)
        # Equal absolute residuals of the rows make an RMS of `tolerance` over the antennas
        active = fields.num_active
        targets = np.full(num, self.tolerance * math.sqrt(active / num))
        guess = history.guess(system.wavenumber, basis.mixing)
        try:
            found = solve(system.operator.apply, basis.rows, targets, self.max_iterations, guess)
        except NotConvergedError as error:
            raise NotConvergedError(f"{error}; {self.advice(system, error)}") from None
        history.add(system.wavenumber, basis.mixing, found.x)
        residual = math.sqrt(float(np.sum(found.residuals**2)) / active)
        iterations = found.iterations
        return Solved(basis.mixing, found.x, int(iterations.max()), int(iterations.sum()), residual)

    def advice(self, system: System, error: NotConvergedError) -> str:
        """Advice for equations that were not solved: nothing that would be refused."""
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
        phase = system.wavenumber * self.target.grid.voxel_size
        if system.kernel == "point" and choose_kernel("auto", phase) != "point":
            hints.append("kernel='auto'")
        if self.target.has_metal(float(self.frequencies[0])):
            hints.append(metal_advice(self.target.grid.voxel_size, float(self.frequencies.max())))
        return f"try {' or '.join(hints) or 'other voxels'}"


def frequency_list(value: Any) -> np.ndarray:
    """``value`` as a vector of at least one positive frequency, no two the same."""
    frequencies = checks.frequencies("frequencies", value)
    if frequencies.ndim != 1 or not frequencies.size:
        raise ValueError(
            f"frequencies must have shape [F], F >= 1; got shape {list(frequencies.shape)}"
        )
    if len(np.unique(frequencies)) < len(frequencies):
        raise ValueError("frequencies must differ; got some more than once")
    return frequencies
