"""One OFDM grid shared by data, pilots and sensing tones."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
from sionna.phy.ofdm import PilotPattern, ResourceGrid

from sionna_isac.core import Complex, Layer, checks, cites, register

__all__ = ["BeamformedGrid", "shared_tone_grid"]


@cites("Zhao26")
def shared_tone_grid(
    num_ofdm_symbols: int,
    fft_size: int,
    subcarrier_spacing: float,
    *,
    sensing_tones: Any = (),
    pilot_symbols: Any = (0,),
    cyclic_prefix_length: int = 0,
    num_guard_carriers: tuple[int, int] = (0, 0),
    dc_null: bool = False,
    precision: str | None = None,
) -> ResourceGrid:
    """Sionna resource grid whose data elements leave the sensing tones free.

    The sensing tones are masked in every OFDM symbol with pilots of value 0: Sionna's mapper
    leaves them empty, its channel estimator ignores them, and :class:`BeamformedGrid` fills
    them with tones on their own beam. All other effective subcarriers of the pilot
    symbols carry known QPSK pilots.

    Parameters
    ----------
    num_ofdm_symbols : `int`
        Number of OFDM symbols
    fft_size : `int`
        Number of subcarriers
    subcarrier_spacing : `float`
        Subcarrier spacing [Hz]
    sensing_tones : sequence of `int`, (default none)
        Sensing subcarriers, as indices among the effective subcarriers, in any order; the order
        matters for :class:`BeamformedGrid`
    pilot_symbols : sequence of `int`, (default (0,))
        OFDM symbols that carry pilots
    cyclic_prefix_length, num_guard_carriers, dc_null, precision
        As in :class:`sionna.phy.ofdm.ResourceGrid`

    Output
    ------
    : :class:`sionna.phy.ofdm.ResourceGrid`
        Resource grid of one transmitter and one stream

    Raises
    ------
    ValueError
        If an index is repeated or outside the grid, guard carriers and DC null leave no
        subcarrier, or no data element is left
    """
    checks.integer("num_ofdm_symbols", num_ofdm_symbols)
    checks.integer("fft_size", fft_size)
    checks.real("subcarrier_spacing", subcarrier_spacing, minimum=0, exclusive=True)
    checks.integer("cyclic_prefix_length", cyclic_prefix_length, minimum=0, maximum=fft_size)
    num_guard_carriers, num_effective = _effective(fft_size, num_guard_carriers, dc_null)
    tones = _indices("sensing_tones", sensing_tones, num_effective)
    symbols = _indices("pilot_symbols", pilot_symbols, num_ofdm_symbols)

    sensing = np.zeros((num_ofdm_symbols, num_effective), dtype=bool)
    sensing[:, tones] = True
    mask = sensing.copy()
    mask[symbols] = True
    if mask.all():
        raise ValueError(
            f"sensing_tones ({tones.size} of {num_effective}) and pilot_symbols "
            f"({symbols.size} of {num_ofdm_symbols}) must leave data elements; none is left"
        )
    # fixed pilots: the same in transmitter and receiver whatever the random state
    quadrants = np.random.default_rng(0).integers(0, 4, mask.sum())
    pilots = np.exp(1j * (np.pi / 4 + np.pi / 2 * quadrants))
    pilots[sensing[mask]] = 0
    pattern = PilotPattern(
        mask[np.newaxis, np.newaxis], pilots[np.newaxis, np.newaxis], precision=precision
    )
    return ResourceGrid(
        num_ofdm_symbols,
        fft_size,
        subcarrier_spacing,
        cyclic_prefix_length=cyclic_prefix_length,
        num_guard_carriers=num_guard_carriers,
        dc_null=dc_null,
        pilot_pattern=pattern,
        precision=precision,
    )


@register
@cites("Zhao26")
class BeamformedGrid(Layer):
    r"""Antenna signals of a shared grid: data on one beam, sensing tones on another.

    .. math::
        \mathbf{x}_{m,s} = \mathbf{w}_c\, c_{m,s} + \mathbf{w}_s\, t_{m,s}

    Parameters
    ----------
    subcarriers : sequence of `int`
        Subcarriers of the sensing tones among all ``fft_size``, in the order of the tones: with
        guard carriers or a DC null these are
        ``resource_grid.effective_subcarrier_ind[sensing_tones]``

    Input
    -----
    communication : [batch_size, 1, 1, num_ofdm_symbols, fft_size], `tf.complex`
        Output of Sionna's `ResourceGridMapper`
    communication_beam : [batch_size, num_antennas], `tf.complex`
        Beam of data and pilots
    tones : [batch_size, num_ofdm_symbols, num_sensing_tones], `tf.complex`
        Values of the sensing tones (leading 1s are broadcast)
    sensing_beam : [batch_size, num_antennas], `tf.complex`
        Beam of the sensing tones

    Output
    ------
    : [batch_size, 1, num_antennas, num_ofdm_symbols, fft_size], `tf.complex`
        Signal of each antenna: the input of an OFDM channel and of the echo
    """

    def __init__(self, subcarriers: Any, *, precision: str | None = None, **kwargs: Any) -> None:
        super().__init__(precision=precision, **kwargs)
        self.subcarriers = _indices("subcarriers", subcarriers, np.iinfo(np.int32).max).tolist()
        if not self.subcarriers:
            raise ValueError("subcarriers must name at least one subcarrier; got none")

    def call(
        self,
        communication: Complex,
        communication_beam: Complex,
        tones: Complex,
        sensing_beam: Complex,
    ) -> tf.Tensor:
        checks.shape("communication", communication, [None, 1, 1, None, None])
        checks.last_dim("tones", tones, len(self.subcarriers))
        checks.rank("communication_beam", communication_beam, 2, "[batch_size, num_antennas]")
        checks.shape(
            "sensing_beam", sensing_beam, communication_beam.shape, "as communication_beam has"
        )
        size = communication.shape[-1]
        if max(self.subcarriers) >= size or min(self.subcarriers) < 0:
            raise ValueError(f"subcarriers must lie within [0, {size - 1}]; got {self.subcarriers}")
        place = np.zeros((len(self.subcarriers), size))
        place[np.arange(len(self.subcarriers)), self.subcarriers] = 1
        spread = tf.tensordot(tones, tf.constant(place, self.cdtype), 1)
        data = communication_beam[:, tf.newaxis, :, tf.newaxis, tf.newaxis] * communication
        sensing = sensing_beam[:, :, tf.newaxis, tf.newaxis] * spread[:, tf.newaxis]
        return data + sensing[:, tf.newaxis]


def _effective(size: int, guards: Any, dc_null: bool) -> tuple[tuple[int, int], int]:
    """Checked guard carriers, and the number of subcarriers besides them and the DC null."""
    text = "num_guard_carriers must be a pair of integers >= 0, lower and upper"
    try:
        lower, upper = guards
    except (TypeError, ValueError):
        raise TypeError(f"{text}; got {guards!r}") from None
    pair = tuple(checks.integer("num_guard_carriers", n, minimum=0) for n in (lower, upper))
    left = size - sum(pair) - int(dc_null)
    if left < 1 or (dc_null and max(pair[0] - size // 2, pair[1] + size // 2 + 1 - size) > 0):
        raise ValueError(
            f"num_guard_carriers must leave subcarriers (fft_size {size}"
            f"{', dc_null within them' if dc_null else ''}); got {pair}"
        )
    return (pair[0], pair[1]), left


def _indices(name: str, value: Any, size: int) -> np.ndarray:
    """Distinct indices in the order of the caller."""
    try:
        raw = np.asarray(value)
    except ValueError:
        raise TypeError(f"{name} must be a sequence of integers; got {value!r}") from None
    if raw.size and not np.issubdtype(raw.dtype, np.integer):
        raise TypeError(f"{name} must be a sequence of integers; got {value!r}")
    index = raw.astype(int)
    if (
        index.ndim != 1
        or np.unique(index).size != index.size
        or np.any((index < 0) | (index >= size))
    ):
        raise ValueError(
            f"{name} must be distinct integers within [0, {size - 1}]; got {index.tolist()}"
        )
    return index
