"""Grid of a reference, the echo of one target, its estimate, and the bound."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import tensorflow as tf

from sionna_isac import array, bound, channel, receiver, scene, waveform
from sionna_isac.core import linalg, uniform
from sionna_isac.studies.reference_share.scenario import Reference, ReferenceShareScenario

__all__ = ["ReferenceTrial", "shared_elements"]

FILTERS = {
    "matched": receiver.SymbolMatchedFilter,
    "reciprocal": receiver.ReciprocalFilter,
    "wiener": receiver.WienerFilter,
}


def shared_elements(
    scenario: ReferenceShareScenario, reference: Reference
) -> tuple[waveform.Numerology, np.ndarray, np.ndarray]:
    """Numerology of the grid of a reference, its elements, and those that carry data.

    Parameters
    ----------
    scenario
        Scenario
    reference
        One of its references

    Output
    ------
    numerology : :class:`~sionna_isac.waveform.Numerology`
        Numerology
    elements, data : [num_symbols, num_subcarriers], `bool`
        Masks of the elements of the reference, and of those that carry data for the user
    """
    config = scenario.grid
    slot = getattr(reference, "symbols", None) or config.pilot_symbols
    pilots = np.concatenate(
        [np.array(slot) + i * config.symbols_per_slot for i in range(config.num_slots)]
    )
    step = getattr(reference, "step", None)
    grid = waveform.shared_tone_grid(
        config.num_symbols,
        config.num_subcarriers,
        config.subcarrier_spacing,
        sensing_tones=() if step is None else range(0, config.num_subcarriers, step),
        pilot_symbols=pilots,
        cyclic_prefix_length=config.cyclic_prefix_length,
    )
    numerology = waveform.Numerology.from_resource_grid(grid, config.carrier_frequency)
    data = waveform.reference_elements(grid, "data")
    if reference.kind == "random":
        order = np.random.default_rng(scenario.seed).permutation(data.size)
        chosen = np.isin(np.arange(data.size), order[: max(2, round(reference.share * data.size))])
        elements = chosen.reshape(data.shape)
        return numerology, elements, data & ~elements
    kind = "sensing" if reference.kind == "comb" else reference.kind
    return numerology, waveform.reference_elements(grid, kind), data


class ReferenceTrial:
    """Echo of a grid, from which a receiver estimates the target by the elements of a reference.

    Scenes and noise do not depend on the reference.

    Parameters
    ----------
    scenario
        Scenario
    reference
        One of its references
    """

    def __init__(self, scenario: ReferenceShareScenario, reference: Reference) -> None:
        self._scenario, precision = scenario, scenario.precision
        self.numerology, self.elements, self._data = shared_elements(scenario, reference)
        carriers = self.numerology
        self._array = array.UniformLinearArray(
            scenario.num_antennas, carriers.wavelength, precision=precision
        )
        self._echo = channel.MonostaticEcho(self._array, carriers, precision=precision)
        number = self.elements.size
        self._symbols = waveform.SymbolSource(
            number, num_bits_per_symbol=scenario.num_bits, precision=precision
        )
        quadrants = np.random.default_rng(0).integers(0, 4, self.elements.shape)
        self._known = np.exp(1j * (np.pi / 4 + np.pi / 2 * quadrants))
        self._filter: Any = FILTERS[scenario.filter](
            carriers, elements=self.elements, precision=precision
        )
        low, high = np.deg2rad(scenario.search_sector_deg)
        search = receiver.SearchGrid(
            np.linspace(low, high, scenario.num_angles),
            np.linspace(*scenario.search_range, scenario.num_ranges),
            velocities=np.linspace(*scenario.search_velocity, scenario.num_velocities),
        )
        self._receiver = receiver.DifferentiableOMP(
            self._array,
            carriers,
            search,
            max_targets=1,
            window=scenario.window,
            elements=self.elements,
            precision=precision,
        )
        self._sector = tf.constant([[low, high]], self._array.rdtype)
        self._beam = np.eye(scenario.num_antennas)[0]

    def symbols(self, batch_size: int) -> tf.Tensor:
        """Transmitted symbols [batch_size, num_symbols, num_subcarriers] of unit mean power."""
        drawn, _ = self._symbols(batch_size)
        drawn = tf.reshape(drawn, [batch_size, *self.elements.shape])
        return tf.where(self._data, drawn, tf.constant(self._known, drawn.dtype))

    def targets(self, batch_size: int) -> scene.PointTargets:
        """One target per sample, with a gain of magnitude 1."""
        scenario = self._scenario
        intervals: dict[str, Any] = {
            "angle": np.deg2rad(scenario.sector_deg),
            "range": scenario.range_interval,
            "velocity": scenario.velocity_interval,
            "phase": (0.0, 2 * math.pi),
        }
        drawn = {
            name: uniform([batch_size, 1], low, high, scenario.precision)
            for name, (low, high) in intervals.items()
        }
        return scene.PointTargets(
            drawn["angle"],
            drawn["range"],
            linalg.expj(drawn["phase"]),
            tf.ones([batch_size], tf.int32),
            drawn["velocity"],
        )

    def __call__(self, batch_size: int, snr_db: tf.Tensor) -> dict[str, tf.Tensor]:
        """Truth and estimates [batch_size] at an SNR of an element [dB]."""
        targets, x = self.targets(batch_size), self.symbols(batch_size)
        no = 10.0 ** (-snr_db / 10)
        beam = tf.repeat(tf.constant(self._beam[np.newaxis], x.dtype), batch_size, axis=0)
        y = self._echo(x, targets, beam, no)
        z = self._filter(y, x, no)
        sector = tf.repeat(self._sector, batch_size, axis=0)
        found = self._receiver(z, sector, self._filter.noise_power(x, no))
        truth = {f"true_{name}": getattr(targets, name)[:, 0] for name in ("range", "velocity")}
        return {"range": found.range[:, 0], "velocity": found.velocity[:, 0], **truth}

    def bound(self, batch_size: int) -> bound.PointTargetBound:
        """Bounds of drawn targets and symbols at an SNR of 0 dB."""
        targets, x = self.targets(batch_size), self.symbols(batch_size)
        return bound.point_target_bound(
            self._array, self.numerology, targets, self._beam, x, 1.0, elements=self.elements
        )
