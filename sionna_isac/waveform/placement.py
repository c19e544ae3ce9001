"""Placement of sensing tones: which subcarriers of a block sense, the others carry data."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import numpy as np

from sionna_isac.core import Value, checks, register
from sionna_isac.waveform.ambiguity import ambiguity_function

__all__ = ["TonePlacement", "place_tones"]

METHODS = ("low_sidelobe", "uniform")
SEARCH, REPORT = 8, 32  # delays per resolution cell 1/(num_tones spacing)
ITERATIONS = 8000
TEMPERATURES = (0.1, 0.002)  # first and last one, in units of the ambiguity function
WORK = 2**14  # delays times sets that are looked at together


@register
class TonePlacement(Value):
    r"""Sensing tones among the subcarriers of a block, with the side lobes that they have.

    The object stands for its indices wherever an array is expected (``np.asarray(tones)``,
    ``list(tones)``, :func:`~sionna_isac.waveform.shared_tone_grid`).

    Parameters
    ----------
    indices : [num_sensing_tones], array_like of `int`
        Subcarriers, counted from the lower edge of the block, strictly increasing
    num_tones : `int`
        Number of subcarriers :math:`N` of the block
    max_delay : `float`
        Largest delay at which side lobes count [s]: :math:`2/c` times the largest distance in
        range that is to be told apart
    subcarrier_spacing : `float`, (default 1)
        :math:`\Delta_f` [Hz]; with the default, delays are in units of :math:`1/\Delta_f`
    main_lobe : `None` (default) | `float`
        Delay at which side lobes begin [s]; `None` is the resolution of the whole block,
        :math:`1/(N\Delta_f)`

    Raises
    ------
    TypeError, ValueError
        If indices are not those of different subcarriers in increasing order, or not
        ``0 < main_lobe < max_delay``, or delays reach :math:`1/\Delta_f` less ``main_lobe``, where
        the echo of any tones repeats
    """

    indices: np.ndarray
    num_tones: int
    max_delay: float
    subcarrier_spacing: float
    main_lobe: float

    def __init__(
        self,
        indices: Any,
        num_tones: int,
        max_delay: float,
        *,
        subcarrier_spacing: float = 1.0,
        main_lobe: float | None = None,
    ) -> None:
        number = checks.integer("num_tones", num_tones)
        spacing = checks.real("subcarrier_spacing", subcarrier_spacing, minimum=0, exclusive=True)
        lobe = 1 / (number * spacing) if main_lobe is None else main_lobe
        lobe = checks.real("main_lobe", lobe, minimum=0, maximum=0.5 / spacing, exclusive=True)
        end = 1 / spacing - lobe
        self._fix(
            indices=_indices(indices, number),
            num_tones=number,
            max_delay=checks.real(
                "max_delay", max_delay, minimum=lobe, maximum=end, exclusive=True
            ),
            subcarrier_spacing=spacing,
            main_lobe=lobe,
        )

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.indices, dtype=dtype)

    def __len__(self) -> int:
        return self.indices.size

    def __iter__(self) -> Iterator[int]:
        return iter(self.indices.tolist())

    @property
    def mask(self) -> np.ndarray:
        """[num_tones], `bool` : Sensing tones, as a numerology takes its active subcarriers"""
        mask = np.zeros(self.num_tones, bool)
        mask[self.indices] = True
        return mask

    @functools.cached_property
    def peak_side_lobe(self) -> float:
        """`float` : Largest value of the ambiguity function from ``main_lobe`` to ``max_delay``"""
        return float(np.max(ambiguity_function(self.indices, self._delays(REPORT))))

    def nested(self, num_sensing_tones: int) -> TonePlacement:
        """Subset with low side lobes; each is a subset of those with more tones.

        Parameters
        ----------
        num_sensing_tones : `int`
            Number of tones, at most those of this set

        Output
        ------
        : :class:`TonePlacement`
            Subset
        """
        number = checks.integer("num_sensing_tones", num_sensing_tones, maximum=len(self))
        kept = sorted(self._order[:number])
        config = {**self.get_config(), "indices": self.indices[kept]}
        return TonePlacement.from_config(config)

    @functools.cached_property
    def _order(self) -> list[int]:
        """Positions of the tones, the first n of which are the subset of n tones.

        Tones are taken away one by one. Of the ways to do so, those of the smallest sum of peak
        side lobes are followed.
        """
        waves = _waves(self.indices, self._delays(SEARCH))
        width = max(1, 128 * WORK // waves.size)
        left = [list(range(len(self)))]
        removed: list[list[int]] = [[]]
        cost, response = np.zeros(1), waves.sum(0, keepdims=True)
        for number in range(len(self) - 1, 0, -1):
            found: dict[tuple[int, ...], tuple[float, int, int]] = {}
            for path, rest in enumerate(left):
                peaks = np.abs(response[path] - waves[rest]).max(1) / number
                for position, peak in zip(rest, peaks, strict=True):
                    subset = tuple(p for p in rest if p != position)
                    total = cost[path] + peak
                    if subset not in found or total < found[subset][0]:
                        found[subset] = (total, path, position)
            best = sorted(found.items(), key=lambda item: item[1][0])[:width]
            left = [list(subset) for subset, _ in best]
            removed = [[*removed[path], position] for _, (_, path, position) in best]
            cost = np.array([total for _, (total, _, _) in best])
            response = np.stack(
                [response[path] - waves[position] for _, (_, path, position) in best]
            )
        return [*left[0], *reversed(removed[0])]

    def _delays(self, density: int) -> np.ndarray:
        """Delays of side lobes in units of the inverse spacing."""
        low, high = (d * self.subcarrier_spacing for d in (self.main_lobe, self.max_delay))
        return np.linspace(low, high, int(np.ceil((high - low) * self.num_tones * density)) + 2)


def place_tones(
    num_tones: int,
    num_sensing_tones: int,
    max_delay: float | None = None,
    method: str = "low_sidelobe",
    *,
    subcarrier_spacing: float = 1.0,
    main_lobe: float | None = None,
    seed: int = 0,
) -> TonePlacement:
    r"""Choose the subcarriers of a block that become sensing tones.

    Equally spaced tones repeat their echo after :math:`N/(K\Delta_f)`, :math:`K/N` of the
    unambiguous delay of the block: targets further away are seen at a wrong range. The same number
    of tones at other places keeps rate and bandwidth, and has low side lobes instead,

    .. math::
        \min_{k_1 < \dots < k_K}\ \max_{\tau_0 \le \tau \le \tau_\mathrm{max}}
        \frac{1}{K} \left|\sum_{i=1}^{K} e^{-j2\pi k_i \Delta_f \tau}\right|,

    found by simulated annealing: tones move to free subcarriers, in several sets at a time.

    Parameters
    ----------
    num_tones : `int`
        Number of subcarriers :math:`N` of the block
    num_sensing_tones : `int`
        Number of sensing tones :math:`K`
    max_delay : `None` (default) | `float`
        Largest delay :math:`\tau_\mathrm{max}` at which side lobes count [s]; `None` is
        :math:`1/(2\Delta_f)`, which stands for all delays since :math:`\tau` and
        :math:`1/\Delta_f - \tau` have the same value
    method : "low_sidelobe" (default) | "uniform"
        Annealing, or equal distances from the lower edge on
    subcarrier_spacing : `float`, (default 1)
        :math:`\Delta_f` [Hz]; with the default, delays are in units of :math:`1/\Delta_f`
    main_lobe : `None` (default) | `float`
        Delay :math:`\tau_0` at which side lobes begin [s]; `None` is the resolution of the whole
        block, :math:`1/(N\Delta_f)`. A larger one buys lower side lobes with a wider main lobe.
    seed : `int`, (default 0)
        Seed of the annealing: the same one gives the same tones

    Output
    ------
    : :class:`TonePlacement`
        Sensing tones

    Raises
    ------
    TypeError, ValueError
        If an argument is out of range

    Example
    -------
    >>> tones = isac.waveform.place_tones(64, 16, 0.49)
    >>> tones.peak_side_lobe, tones.nested(8).peak_side_lobe
    """
    checks.one_of("method", method, METHODS)
    number = checks.integer("num_tones", num_tones)
    chosen = checks.integer("num_sensing_tones", num_sensing_tones, maximum=number)
    seed = checks.integer("seed", seed, minimum=0)
    spacing = checks.real("subcarrier_spacing", subcarrier_spacing, minimum=0, exclusive=True)
    even = TonePlacement(
        np.arange(chosen) * number // chosen,
        number,
        0.5 / spacing if max_delay is None else max_delay,
        subcarrier_spacing=spacing,
        main_lobe=main_lobe,
    )
    if method == "uniform" or chosen == number:
        return even
    indices = _anneal(number, chosen, even._delays(SEARCH), np.random.default_rng(seed))
    return TonePlacement.from_config({**even.get_config(), "indices": indices})


def _anneal(number: int, chosen: int, delays: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Best set of tones that annealing finds; all sets are changed at once, one tone each."""
    waves = _waves(np.arange(number), delays)
    num_sets = int(np.clip(WORK // delays.size, 4, 64))
    sets = np.arange(num_sets)
    order = np.argsort(rng.random([num_sets, number]), axis=1)  # the first ones are chosen
    response = waves[order[:, :chosen]].sum(1)
    cost = np.abs(response).max(1) / chosen
    best_cost, best = cost.copy(), order[:, :chosen].copy()
    for temperature in np.geomspace(*TEMPERATURES, ITERATIONS):
        out = rng.integers(chosen, size=num_sets)
        into = rng.integers(chosen, number, size=num_sets)
        changed = response + waves[order[sets, into]] - waves[order[sets, out]]
        new = np.abs(changed).max(1) / chosen
        taken = np.flatnonzero(
            rng.random(num_sets) < np.exp(np.minimum(cost - new, 0) / temperature)
        )
        response[taken], cost[taken] = changed[taken], new[taken]
        pair = (taken, out[taken]), (taken, into[taken])
        order[pair[0]], order[pair[1]] = order[pair[1]], order[pair[0]]
        better = cost < best_cost
        best_cost[better], best[better] = cost[better], order[better, :chosen]
    return np.sort(best[np.argmin(best_cost)])


def _waves(indices: np.ndarray, delays: np.ndarray) -> np.ndarray:
    """Phasors [num_tones, num_delays], single: sums of them are compared, not reported."""
    return np.exp(-2j * np.pi * np.outer(indices, delays)).astype(np.complex64)


def _indices(value: Any, number: int) -> np.ndarray:
    array = np.asarray(value)
    if array.dtype.kind not in "iu":
        raise TypeError(f"indices must hold integers; got {value!r}")
    good = array.ndim == 1 and array.size and np.all(np.diff(array) > 0)
    if not good or array[0] < 0 or array[-1] >= number:
        raise ValueError(
            f"indices must be strictly increasing integers within [0, {number - 1}]; got {value!r}"
        )
    return array.astype(np.int64)
