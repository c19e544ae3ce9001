"""Random draws of the hardware impairments of arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from sionna_isac.array.impaired import ImpairedArray
from sionna_isac.array.layout import uniform_positions
from sionna_isac.core import checks, cites, numpy_rng

__all__ = ["GainError", "MutualCoupling", "PhaseError", "SpacingError", "impair"]

ORDERINGS = ("graded", "sorted", "literal", "cumulative")


@cites("MateosRamos25")
class SpacingError:
    r"""Random errors of the inter-element spacing.

    Each element draws a spacing :math:`d_k \sim \mathcal{N}(\lambda/2, \sigma^2)` (Section II-D of
    [MateosRamos25]_), and ``ordering`` says what position follows from it:

    - "literal": :math:`p_k = (k-(K-1)/2)\,d_k`, as printed. Neighbouring elements may cross and
      come arbitrarily close, and least-squares beams of such an array can be useless.
    - "graded" (default): the same formula for spacings that grow from the centre outwards, in turn
      on either side. Unless a draw is negative, elements stay in order and apart.
    - "sorted": the positions of "literal" in ascending order; elements stay close to each other.
    - "cumulative": :math:`p_k = \sum_{i \le k} d_i` from the first element, spacings clipped at 0.

    Parameters
    ----------
    std : `float`
        Standard deviation of the spacing [wavelengths]
    ordering : "graded" (default) | "sorted" | "literal" | "cumulative"
        Rule from spacings to positions
    """

    def __init__(self, std: float, *, ordering: str = "graded") -> None:
        self.std = checks.real("std", std, minimum=0)
        self.ordering = checks.one_of("ordering", ordering, ORDERINGS)

    def sample(self, num_antennas: int) -> dict[str, Any]:
        """Draw positions [wavelengths] for an array of ``num_antennas`` elements."""
        spacing = numpy_rng().normal(0.5, self.std, checks.integer("num_antennas", num_antennas))
        if self.ordering == "cumulative":
            steps = np.maximum(spacing[1:], 0.0)
            return {"positions": np.concatenate([[0.0], np.cumsum(steps)]), "anchor": "first"}
        index = uniform_positions(num_antennas, 1.0)
        if self.ordering == "graded":
            spacing[np.argsort(np.abs(index), kind="stable")] = np.sort(spacing)
        positions = index * spacing
        return {"positions": np.sort(positions) if self.ordering == "sorted" else positions}


class GainError:
    """Random gain of each element: the gain in dB is normal with standard deviation ``std_db``."""

    def __init__(self, std_db: float) -> None:
        self.std_db = checks.real("std_db", std_db, minimum=0)

    def sample(self, num_antennas: int) -> dict[str, Any]:
        """Draw amplitude gains for an array of ``num_antennas`` elements."""
        return {"gain": 10 ** (numpy_rng().normal(0.0, self.std_db, num_antennas) / 20)}


class PhaseError:
    """Random phase of each element: normal with standard deviation ``std`` [rad]."""

    def __init__(self, std: float) -> None:
        self.std = checks.real("std", std, minimum=0)

    def sample(self, num_antennas: int) -> dict[str, Any]:
        """Draw phases [rad] for an array of ``num_antennas`` elements."""
        return {"phase": numpy_rng().normal(0.0, self.std, num_antennas)}


class MutualCoupling:
    r"""Coupling between elements that depends on their index distance only.

    The coupling matrix is symmetric, Toeplitz and banded, :math:`[\mathbf{C}]_{ij} = c_{|i-j|}`
    with :math:`c_0 = 1`, magnitude :math:`|c_m| = 10^{(\text{strength} - (m-1)\,\text{decay})/20}`
    and uniform phase.

    Parameters
    ----------
    strength_db : `float`
        Coupling between direct neighbours [dB], below 0
    decay_db : `float`, (default 6)
        Further loss for each element of distance [dB]
    num_neighbours : `int`, (default 3)
        Largest distance in elements that couples
    """

    def __init__(
        self, strength_db: float, *, decay_db: float = 6.0, num_neighbours: int = 3
    ) -> None:
        self.strength_db = checks.real("strength_db", strength_db, maximum=0)
        self.decay_db = checks.real("decay_db", decay_db, minimum=0)
        self.num_neighbours = checks.integer("num_neighbours", num_neighbours)

    def sample(self, num_antennas: int) -> dict[str, Any]:
        """Draw coupling coefficients [num_neighbours]."""
        if self.num_neighbours >= checks.integer("num_antennas", num_antennas):
            raise ValueError(
                f"num_neighbours must be < num_antennas = {num_antennas}; got {self.num_neighbours}"
            )
        level = self.strength_db - self.decay_db * np.arange(self.num_neighbours)
        phase = numpy_rng().uniform(0, 2 * np.pi, self.num_neighbours)
        return {"coupling": 10 ** (level / 20) * np.exp(1j * phase)}


def impair(
    num_antennas: int,
    wavelength: float,
    impairments: Sequence[Any],
    *,
    precision: str | None = None,
) -> ImpairedArray:
    """Array that suffers from one draw of the given impairments.

    Parameters
    ----------
    num_antennas : `int`
        Number of elements
    wavelength : `float`
        Carrier wavelength [m]
    impairments : sequence of :class:`SpacingError`, :class:`GainError`, :class:`PhaseError`,
        :class:`MutualCoupling`
        Impairments, drawn from Sionna's NumPy generator; at most one of each kind
    precision : `None` (default) | "single" | "double"
        Precision of the array

    Output
    ------
    : :class:`ImpairedArray`
        The array, not trainable
    """
    for impairment in impairments:
        if not isinstance(impairment, (SpacingError, GainError, PhaseError, MutualCoupling)):
            raise TypeError(
                "impairments must be of SpacingError, GainError, PhaseError, MutualCoupling; "
                f"got {impairment!r}"
            )
    kinds = [type(i).__name__ for i in impairments]
    if len(set(kinds)) != len(kinds):
        raise ValueError(f"impairments must hold at most one of each kind; got {kinds}")
    drawn: dict[str, Any] = {}
    for impairment in impairments:
        drawn.update(impairment.sample(num_antennas))
    positions = drawn.pop("positions", None)
    if positions is not None:
        drawn["element_positions"] = positions * checks.real(
            "wavelength", wavelength, minimum=0, exclusive=True
        )
    return ImpairedArray(num_antennas, wavelength, precision=precision, **drawn)
