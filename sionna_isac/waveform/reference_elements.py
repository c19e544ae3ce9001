"""Resource elements whose symbols serve as reference of sensing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sionna.phy.ofdm import ResourceGrid

from sionna_isac.core import checks
from sionna_isac.waveform.numerology import Numerology

__all__ = ["element_mask", "reference_elements"]

_KINDS = ("data", "pilots", "sensing")


def reference_elements(
    grid: ResourceGrid, kind: str | Sequence[str] = "all", *, step: int = 1, offset: int = 0
) -> np.ndarray:
    """Elements of a resource grid that carry data, pilots or sensing tones.

    Parameters
    ----------
    grid : :class:`sionna.phy.ofdm.ResourceGrid`
        Resource grid of one transmitter and one stream
    kind : "all" (default) | "data" | "pilots" | "sensing" | sequence of `str`
        Kind of elements, or several kinds. Sensing tones are the pilots of value 0, as of
        :func:`shared_tone_grid`; "all" is data, pilots and sensing tones.
    step : `int`, (default 1)
        Keep each ``step``-th subcarrier only
    offset : `int`, (default 0)
        First of the kept subcarriers, below ``step``, counted from the lower edge of the band

    Output
    ------
    : [num_symbols, num_subcarriers], `bool`
        Mask of these elements, the ``elements`` of filters, maps, receivers and bounds

    Raises
    ------
    ValueError
        If the grid has several streams, or no such element

    Example
    -------
    >>> grid = isac.waveform.shared_tone_grid(14, 256, 120e3, pilot_symbols=[2])
    >>> numerology = isac.waveform.Numerology.from_resource_grid(grid, 28e9)
    >>> pilots = isac.waveform.reference_elements(grid, "pilots")
    >>> reciprocal = isac.receiver.ReciprocalFilter(numerology, elements=pilots)
    """
    checks.instance("grid", grid, ResourceGrid)
    kinds = (kind,) if isinstance(kind, str) else tuple(kind)
    for name in kinds:
        checks.one_of("kind", name, ("all", *_KINDS))
    step = checks.integer("step", step)
    offset = checks.integer("offset", offset, minimum=0, maximum=step - 1)
    types = np.asarray(grid.build_type_grid())  # 0 is data, 1 a pilot
    if types.shape[:2] != (1, 1):
        raise ValueError(
            "grid must have one transmitter and one stream; got "
            f"{types.shape[0]} and {types.shape[1]}"
        )
    types = types[0, 0]
    pilots = np.zeros(types.shape)
    # Sionna fills them symbol by symbol, each from the lowest subcarrier upwards
    pilots[types == 1] = np.abs(np.asarray(grid.pilot_pattern.pilots)[0, 0])
    masks = {"data": types == 0, "pilots": pilots > 0, "sensing": (types == 1) & (pilots == 0)}
    chosen = _KINDS if "all" in kinds else kinds
    mask = np.any([masks[name] for name in chosen], axis=0)
    mask &= np.arange(types.shape[1]) % step == offset
    if not mask.any():
        raise ValueError(
            f"kind, step and offset must leave elements of grid; got none for {kind!r}, {step} and "
            f"{offset}"
        )
    return mask


def element_mask(numerology: Numerology, elements: Any) -> np.ndarray | None:
    """Elements that a receiver uses: the given ones on active subcarriers.

    Parameters
    ----------
    numerology : :class:`Numerology`
        Numerology
    elements : `None` | [num_symbols, num_subcarriers], array_like of `bool`
        Elements to use; `None` is all of them

    Output
    ------
    : `None` | [num_symbols, num_subcarriers], `bool`
        Those that are used; `None` if these are all

    Raises
    ------
    TypeError, ValueError
        If ``elements`` is no such mask, or leaves no active element
    """
    shape = (numerology.num_symbols, numerology.num_subcarriers)
    active = np.ones(shape, bool)
    if numerology.active is not None:
        active &= numerology.active
    if elements is not None:
        mask = np.asarray(elements)
        if mask.dtype != bool:
            raise TypeError(f"elements must hold booleans; got {elements!r}")
        if mask.shape != shape:
            raise ValueError(
                f"elements must have shape [{shape[0]}, {shape[1]}] (num_symbols, "
                f"num_subcarriers); got shape {list(mask.shape)}"
            )
        if not np.any(active & mask):
            raise ValueError(
                f"elements must hold at least one active element; got {np.count_nonzero(mask)} of "
                f"{mask.size}, all on inactive subcarriers"
                if mask.any()
                else f"elements must hold at least one active element; got none of {mask.size}"
            )
        active &= mask
    return None if active.all() else active
