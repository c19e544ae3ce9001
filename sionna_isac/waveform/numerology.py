"""Numerology: subcarriers, symbols and carrier of an OFDM system in one object."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.constants import c as SPEED_OF_LIGHT
from sionna.phy.ofdm import ResourceGrid

from sionna_isac.core import Value, checks, register

__all__ = ["Numerology"]


@register
class Numerology(Value):
    r"""Subcarriers, OFDM symbols and carrier of a system, with its resolution and ambiguities.

    Subcarriers are counted from the lower edge of the band, as in Sionna's resource grids.

    Parameters
    ----------
    num_subcarriers : `int`
        Number of subcarriers :math:`S`
    subcarrier_spacing : `float`
        :math:`\Delta_f` [Hz]
    carrier_frequency : `float`
        Carrier frequency [Hz]
    num_symbols : `int`, (default 1)
        Number of OFDM symbols :math:`M`
    cyclic_prefix_length : `int`, (default 0)
        Length of the cyclic prefix in samples; an OFDM symbol has :math:`S` samples without it
    symbol_duration : `None` (default) | `float`
        Time :math:`T_\mathrm{sym}` from one OFDM symbol to the next [s]; `None` is the duration of
        a symbol with its cyclic prefix
    active : `None` (default) | [num_subcarriers], array_like of `bool`
        Active subcarriers; `None` is all of them. Echoes are 0 on the others, and receivers do not
        use them.

    Example
    -------
    >>> numerology = isac.waveform.Numerology(256, 120e3, 60e9)
    >>> numerology.range_resolution
    4.879...
    """

    num_subcarriers: int
    subcarrier_spacing: float
    carrier_frequency: float
    num_symbols: int
    cyclic_prefix_length: int
    symbol_duration: float
    active: np.ndarray | None

    def __init__(
        self,
        num_subcarriers: int,
        subcarrier_spacing: float,
        carrier_frequency: float,
        *,
        num_symbols: int = 1,
        cyclic_prefix_length: int = 0,
        symbol_duration: float | None = None,
        active: Any = None,
    ) -> None:
        number = checks.integer("num_subcarriers", num_subcarriers)
        spacing = checks.real("subcarrier_spacing", subcarrier_spacing, minimum=0, exclusive=True)
        prefix = checks.integer(
            "cyclic_prefix_length", cyclic_prefix_length, minimum=0, maximum=number
        )
        self._fix(
            num_subcarriers=number,
            subcarrier_spacing=spacing,
            carrier_frequency=checks.frequency("carrier_frequency", carrier_frequency),
            num_symbols=checks.integer("num_symbols", num_symbols),
            cyclic_prefix_length=prefix,
            symbol_duration=(
                (1 + prefix / number) / spacing
                if symbol_duration is None
                else checks.real("symbol_duration", symbol_duration, minimum=0, exclusive=True)
            ),
            active=None if active is None else _mask(active, number),
        )

    @classmethod
    def from_resource_grid(
        cls,
        grid: ResourceGrid,
        carrier_frequency: float,
        *,
        symbol_duration: float | None = None,
    ) -> Numerology:
        """Numerology of a Sionna resource grid.

        Parameters
        ----------
        grid : :class:`sionna.phy.ofdm.ResourceGrid`
            Resource grid; its guard carriers and DC null are inactive
        carrier_frequency : `float`
            Carrier frequency [Hz]
        symbol_duration : `None` (default) | `float`
            Time from one OFDM symbol to the next [s]; `None` is that of the grid

        Output
        ------
        : :class:`Numerology`
        """
        checks.instance("grid", grid, ResourceGrid)
        number = int(grid.fft_size)
        active = np.zeros(number, bool)
        active[np.asarray(grid.effective_subcarrier_ind)] = True
        return cls(
            number,
            float(grid.subcarrier_spacing),
            carrier_frequency,
            num_symbols=int(grid.num_ofdm_symbols),
            cyclic_prefix_length=int(grid.cyclic_prefix_length),
            symbol_duration=symbol_duration,
            active=active,
        )

    @property
    def subcarriers(self) -> np.ndarray:
        """[num_active] : Indices of the active subcarriers"""
        return (
            np.arange(self.num_subcarriers) if self.active is None else np.flatnonzero(self.active)
        )

    @property
    def num_active(self) -> int:
        """`int` : Number of active subcarriers"""
        return self.subcarriers.size

    @property
    def frequency_offsets(self) -> np.ndarray:
        """[num_active] : Frequencies of the active subcarriers from their mean [Hz]"""
        return (self.subcarriers - np.mean(self.subcarriers)) * self.subcarrier_spacing

    @property
    def rms_bandwidth(self) -> float:
        r"""`float` : Root mean square of ``frequency_offsets`` [Hz], about bandwidth/sqrt(12)"""
        return float(np.sqrt(np.mean(self.frequency_offsets**2)))

    @property
    def wavelength(self) -> float:
        """`float` : Wavelength of the carrier [m]"""
        return SPEED_OF_LIGHT / self.carrier_frequency

    @property
    def bandwidth(self) -> float:
        """`float` : Bandwidth of all subcarriers [Hz]"""
        return self.num_subcarriers * self.subcarrier_spacing

    @property
    def range_resolution(self) -> float:
        """`float` : c/2 over the bandwidth of the active subcarriers [m]"""
        first, last = self.subcarriers[[0, -1]]
        return SPEED_OF_LIGHT / (2 * (int(last - first) + 1) * self.subcarrier_spacing)

    @property
    def max_range(self) -> float:
        """`float` : Unambiguous range [m], the distance of targets with equal echoes"""
        step = int(np.gcd.reduce(np.diff(self.subcarriers))) or 1
        return SPEED_OF_LIGHT / (2 * step * self.subcarrier_spacing)

    @property
    def velocity_resolution(self) -> float:
        """`float` : Half a wavelength over the duration of all OFDM symbols [m/s]"""
        return self.wavelength / (2 * self.num_symbols * self.symbol_duration)

    @property
    def max_velocity(self) -> float:
        r"""`float` : Largest magnitude of an unambiguous velocity [m/s]

        Velocities :math:`\lambda/(2 T_\mathrm{sym})` apart look the same; this is half of it,
        because velocities of both signs are told apart.
        """
        return self.wavelength / (4 * self.symbol_duration)

    @property
    def prefix_duration(self) -> float:
        """`float` : Duration of the cyclic prefix [s]"""
        return self.cyclic_prefix_length / self.bandwidth

    @property
    def prefix_range(self) -> float:
        """`float` : Distance of targets whose echo arrives at the end of the cyclic prefix [m]"""
        return SPEED_OF_LIGHT / 2 * self.prefix_duration

    def within_prefix(self, distance: Any) -> Any:
        """`True` for each target whose echo arrives within the cyclic prefix.

        Echoes from beyond it let OFDM symbols, and subcarriers, interfere.

        Parameters
        ----------
        distance : [...], array_like
            Distances of targets [m]

        Output
        ------
        : [...], `bool`
            Targets within :attr:`prefix_range`
        """
        return checks.floats("distance", distance) <= self.prefix_range * (1 + 1e-6)

    def check_array(self, name: str, array: Any) -> None:
        """Raise ``ValueError`` if the wavelength of an array is not that of the carrier."""
        if not math.isclose(array.wavelength, self.wavelength, rel_tol=1e-6):
            raise ValueError(
                f"{name} must have the wavelength of the numerology, {self.wavelength:g} m; got "
                f"{array.wavelength:g} m"
            )


def _mask(active: Any, number: int) -> np.ndarray | None:
    """Mask of the active subcarriers, checked; `None` if it holds all of them."""
    mask = np.asarray(active)
    if mask.dtype != bool:
        raise TypeError(f"active must hold booleans; got {active!r}")
    if mask.shape != (number,):
        raise ValueError(f"active must have shape [{number}]; got shape {list(mask.shape)}")
    if not mask.any():
        raise ValueError(f"active must hold at least one active subcarrier; got none of {number}")
    return None if mask.all() else mask
