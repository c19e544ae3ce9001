"""Fields of scenarios whose targets move."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from sionna_isac.study.blocks import Frozen, Interval, Positive

__all__ = ["Motion"]


class Motion(Frozen):
    """Velocities of targets, and the OFDM symbols and the grid of velocities that show them.

    The signal-to-noise ratio and the power of the scenario are those of one OFDM symbol.
    """

    velocity_interval: Interval
    """Radial velocity of targets (low, high), positive for receding ones [m/s]"""
    num_symbols: Annotated[int, Field(ge=2)] = 8
    """Number of OFDM symbols of an echo"""
    symbol_duration: Positive | None = None
    """Time from one OFDM symbol to the next; null: that of a symbol without prefix [s]"""
    num_velocities: Annotated[int, Field(ge=8)] = 32
    """Number of velocities of the grid, over the interval"""
    velocity_window: Annotated[int, Field(ge=0)] = 3
    """Half width of the window around a peak in velocity [cells]"""

    @model_validator(mode="after")
    def _possible(self) -> Self:
        low, high = self.velocity_interval
        if low >= high:
            raise ValueError(
                f"velocity_interval must be (low, high) with low < high; got {(low, high)}"
            )
        if self.velocity_window >= self.num_velocities:
            raise ValueError(
                f"velocity_window must be below num_velocities = {self.num_velocities}; got "
                f"{self.velocity_window}"
            )
        return self

    def check_ambiguity(self, wavelength: float, subcarrier_spacing: float) -> None:
        """Refuse velocities that the echoes cannot tell apart."""
        duration = self.symbol_duration or 1 / subcarrier_spacing
        if duration * subcarrier_spacing < 1 - 1e-9:
            raise ValueError(
                f"motion.symbol_duration must be at least the duration of a symbol, "
                f"{1 / subcarrier_spacing:g} s; got {duration:g}"
            )
        low, high = self.velocity_interval
        most = wavelength / (4 * duration)
        if not -most <= low < high <= most:
            raise ValueError(
                f"motion.velocity_interval must lie within the unambiguous velocities, "
                f"-{most:.4g} ... {most:.4g} m/s; got {(low, high)}"
            )
