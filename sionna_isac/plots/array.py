"""Elements of arrays and the patterns of their beams."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from sionna_isac.plots._inputs import azimuths, interval, magnitudes, vector
from sionna_isac.plots.style import DARK, axes_or_new, finish, look

__all__ = ["show_array", "show_beampattern"]

SMALLEST = 1e-10  # magnitude, for the logarithm


def show_beampattern(
    pattern: Any,
    angles: Any,
    *,
    array: Any = None,
    method: str | Sequence[str] = "beam",
    sector: Any = None,
    floor: float = -40.0,
    ax: Axes | None = None,
    **line: Any,
) -> Axes:
    r"""Patterns in dB over the angle in degrees.

    Parameters
    ----------
    pattern : [num_angles] or [num_patterns, num_angles], array_like
        Amplitudes, such as :math:`\mathbf{a}^\top(\theta)\,\mathbf{f}`, 0 dB where their magnitude
        is 1; with ``array`` beams [num_antennas] or [num_patterns, num_antennas]
    angles : [num_angles], array_like
        Angles [rad]
    array : `None` (default) | :class:`~sionna_isac.array.UniformLinearArray`
        Array that radiates the beams
    method : `str` | sequence of `str`, (default "beam")
        Method of each pattern: text in the legend, which also chooses the colour as in
        :func:`show_curve`
    sector : `None` (default) | (`float`, `float`)
        Lower and upper angle of a shaded sector [rad]
    floor : `float`, (default -40)
        Lower end of the vertical axis [dB]
    ax : `None` (default) | `matplotlib.axes.Axes`
        Axes; `None` makes a figure with a legend
    line : keyword arguments
        Properties of the lines, as in matplotlib

    Output
    ------
    : `matplotlib.axes.Axes`
        Axes

    Raises
    ------
    TypeError, ValueError
        If a shape does not fit, an angle is in degrees, or there are not as many names as patterns

    Example
    -------
    >>> beam = isac.waveform.LeastSquaresPrecoder(array, angles)(sector)
    >>> isac.plots.show_beampattern(beam, angles, array=array, sector=sector[0])
    """
    angles = azimuths("angles", angles)
    names = [method] if isinstance(method, str) else list(method)
    if array is not None:
        steering = np.asarray(array.steering(angles))
        beams = np.atleast_2d(np.asarray(pattern))
        if beams.ndim != 2 or beams.shape[1] != steering.shape[1]:
            raise ValueError(
                f"pattern must hold beams [{steering.shape[1]}] or [num_patterns, "
                f"{steering.shape[1]}] of array; got shape {list(np.shape(pattern))}"
            )
        pattern = beams @ steering.T
    rows = np.atleast_2d(np.asarray(pattern))
    rows = magnitudes("pattern", rows, (None, angles.size), "[num_patterns, num_angles]")
    if len(names) != len(rows):
        raise ValueError(
            f"method must name each pattern; got {len(names)} names of {len(rows)} patterns"
        )
    edges = None if sector is None else interval("sector", sector)
    ax, new = axes_or_new(ax)
    degrees = np.rad2deg(angles)
    for name, row in zip(names, rows, strict=True):
        style = {**look(ax, name), "marker": "", "lw": 1.2, "label": name, **line}
        ax.plot(degrees, 20 * np.log10(np.maximum(row, SMALLEST)), **style)
    if edges is not None:
        ax.axvspan(*np.rad2deg(edges), color="#4c72b0", alpha=0.1, lw=0)
    ax.set_ylim(bottom=floor)
    return finish(ax, new, xlabel="angle [deg]", ylabel="gain [dB]")


def show_array(
    values: Any,
    truth: Any = None,
    *,
    quantity: str = "position",
    wavelength: float | None = None,
    method: str = "learned",
    label: str | None = None,
    ax: Axes | None = None,
    **line: Any,
) -> Axes:
    """Positions, gains or phases of the elements of an array, or their errors.

    Learning without labels does not determine a common shift, gain and phase, since echoes do not
    reveal them: errors are drawn without their mean.

    Parameters
    ----------
    values : [num_elements], array_like
        Positions [m], gains, or phases [rad] of the elements
    truth : `None` (default) | [num_elements], array_like
        True values (or those of a data sheet), to be subtracted; `None` draws the values
    quantity : "position" (default) | "gain" | "phase"
        Meaning of the values; they are drawn in wavelengths, dB or degrees
    wavelength : `None` (default) | `float`
        Wavelength [m], which positions need
    method : `str`, (default "learned")
        Method, which chooses the colour as in :func:`show_curve`
    label : `None` (default) | `str`
        Text in the legend; `None` is ``method``
    ax : `None` (default) | `matplotlib.axes.Axes`
        Axes; `None` makes a figure with a legend
    line : keyword arguments
        Properties of the line, as in matplotlib

    Output
    ------
    : `matplotlib.axes.Axes`
        Axes

    Raises
    ------
    TypeError, ValueError
        If a shape does not fit, a gain is not above 0, or positions come without wavelength

    Example
    -------
    >>> isac.plots.show_array(
    ...     learned.element_positions, truth.element_positions, wavelength=truth.wavelength)
    """
    if quantity not in UNITS:
        raise ValueError(f"quantity must be one of {', '.join(UNITS)}; got {quantity!r}")
    if quantity == "position" and not (wavelength is not None and wavelength > 0):
        raise ValueError(f"wavelength must be > 0 for positions; got {wavelength!r}")
    drawn = vector("values", values)
    given = [drawn] if truth is None else [drawn, vector("truth", truth, drawn.size, "values")]
    if quantity == "gain" and any(np.any(v <= 0) for v in given):
        raise ValueError("gains must be > 0; got one that is not")
    scaled = [_scaled(v, quantity, wavelength) for v in given]
    drawn = scaled[0]
    if truth is not None:
        drawn = scaled[0] - scaled[1]
        if quantity == "phase":  # differences are on the circle
            turned = np.exp(1j * np.deg2rad(drawn))
            drawn = np.rad2deg(np.angle(turned * np.conj(turned.mean())))
        drawn = drawn - drawn.mean()
    ax, new = axes_or_new(ax)
    style = {**look(ax, method), "ms": 3, "lw": 1, "label": label or method, **line}
    ax.plot(drawn, **style)
    if truth is not None:
        ax.axhline(0, color=DARK, lw=1, zorder=1)
    text = f"{quantity}{' error' if truth is not None else ''} [{UNITS[quantity]}]"
    return finish(ax, new, xlabel="element", ylabel=text)


UNITS = {"position": "wavelengths", "gain": "dB", "phase": "deg"}


def _scaled(values: np.ndarray, quantity: str, wavelength: float | None) -> np.ndarray:
    """Values in the unit of the figure."""
    if quantity == "gain":
        return 20 * np.log10(values)
    return np.rad2deg(values) if wavelength is None or quantity == "phase" else values / wavelength
