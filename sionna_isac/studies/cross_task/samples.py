"""Samples of a data set in memory, as the receivers of a study take them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from sionna_isac.dataset import ChannelDataset
from sionna_isac.objective import MultitaskLabels, peak_target
from sionna_isac.studies.cross_task.scenario import CrossTaskScenario
from sionna_isac.waveform import TonePlacement

__all__ = ["Samples", "chosen_tones", "read_samples"]

_READ = 64  # channels that are read at a time


class Samples(NamedTuple):
    """Channels of unit power and their labels.

    Attributes
    ----------
    h : [num_samples, num_tones, num_rx, num_tx], `np.complex64`
        Channels
    category : [num_samples], `np.int32`
        Indices of the classes
    range, azimuth : [num_samples], `np.float32`
        Centres of the targets [m, rad]
    frequencies : [num_tones], `np.float64`
        Frequencies of the tones [Hz]
    subcarriers : [num_tones], `np.int64`
        Numbers of the tones in their block
    tx_positions, rx_positions : [num_tx, 3], [num_rx, 3], `np.float64`
        Positions of the antennas [m]
    """

    h: np.ndarray
    category: np.ndarray
    range: np.ndarray
    azimuth: np.ndarray
    frequencies: np.ndarray
    subcarriers: np.ndarray
    tx_positions: np.ndarray
    rx_positions: np.ndarray

    def __len__(self) -> int:
        return len(self.category)

    def labels(self) -> MultitaskLabels:
        """Labels of the losses, with the peaks of the channels."""
        peaks = [peak_target(self.h[i : i + _READ]) for i in range(0, len(self.h), _READ)]
        return MultitaskLabels(self.category, self.range, self.azimuth, tf.concat(peaks, 0))


def chosen_tones(tones: tuple[int, ...], number: int, block: int) -> list[int]:
    """Number of given tones: each n-th of equal distances, else those of low side lobes."""
    if np.unique(np.diff(tones)).size <= 1:
        return list(tones[:: len(tones) // number])
    if number == len(tones):
        return list(tones)
    # delays of half a block: beyond, side lobes mirror
    return TonePlacement(tones, block, 0.49).nested(number).indices.tolist()


def read_samples(
    scenario: CrossTaskScenario, data: ChannelDataset, placement: str, level: float
) -> Samples:
    """Samples of a split, at a placement of the tones and a value of the sweep.

    The share of the samples is that of the training, noise and phase are those of the test.
    """
    setting = scenario.setting(level)
    wave = data.scenario.waveform
    tones = chosen_tones(
        scenario.placements[placement],
        int(setting["num_tones"]),
        wave.block_size or wave.num_subcarriers,
    )
    number: dict[str, Any] = {}
    if scenario.data.num_antennas is not None:
        number = dict.fromkeys(("num_tx", "num_rx"), scenario.data.num_antennas)
    if data.split == "train":
        number |= {"fraction": setting["fraction"]}
    if data.split == "test":
        phase = np.deg2rad(setting["phase_offset_deg"])
        number |= {"noise": setting["noise"], "phase_offset": float(phase)}
    view = data.view(tones=tones, **number)
    h = np.empty((len(view), *view.shape), np.complex64)
    for start in range(0, len(view), _READ):
        part = slice(start, start + _READ)
        h[part] = view.channel(part) / view.labels["rms"][part, None, None, None]
    return Samples(
        h,
        view.labels["category"].astype(np.int32),
        view.labels["range"].astype(np.float32),
        view.labels["azimuth"].astype(np.float32),
        view.frequencies,
        np.asarray(tones),
        view.tx_positions,
        view.rx_positions,
    )
