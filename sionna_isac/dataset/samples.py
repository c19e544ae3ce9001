"""Samples of channels with labels: batches for training, and views of others."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sionna_isac.dataset.scenario import SPLITS

if TYPE_CHECKING:
    from sionna_isac.dataset.read import ChannelDataset

__all__ = ["ChannelSamples", "DatasetView"]


class ChannelSamples:
    """Base of data sets and their views.

    Attributes
    ----------
    labels : `dict`
        Labels of all samples, such as "category", "range" [m], "azimuth" [rad] and "rms"
    frequencies : [num_subcarriers], `np.float64`
        Frequencies [Hz]
    tx_positions, rx_positions : [num_tx, 3], [num_rx, 3], `np.float64`
        Antennas [m]
    shape : `tuple`
        Shape of a channel, [num_subcarriers, num_rx, num_tx]
    dtype : `np.dtype`
        Type of channels
    """

    labels: dict[str, np.ndarray]
    frequencies: np.ndarray
    tx_positions: np.ndarray
    rx_positions: np.ndarray
    shape: tuple[int, ...]
    dtype: np.dtype

    def __len__(self) -> int:
        raise NotImplementedError

    def channel(self, indices: Sequence[int] | np.ndarray | int | slice) -> np.ndarray:
        """Channels of samples.

        Parameters
        ----------
        indices : `int` | `slice` | sequence of `int`
            Numbers of samples

        Output
        ------
        : [..., num_subcarriers, num_rx, num_tx], `np.complex64` or `np.complex128`
            Channels, in the order of the indices

        Raises
        ------
        DatasetError
            If a sample is damaged
        IndexError
            If there is no such sample
        """
        numbers = np.arange(len(self))[indices]
        if numbers.ndim == 0:
            return self._one(int(numbers))
        result = np.empty((len(numbers), *self.shape), self.dtype)
        for place, number in enumerate(numbers):
            result[place] = self._one(int(number))
        return result

    def _one(self, index: int) -> np.ndarray:
        """Channel of one sample."""
        raise NotImplementedError

    def as_tf(
        self,
        batch_size: int,
        shuffle_seed: int | None = None,
        normalize: bool = True,
        drop_remainder: bool = False,
        memory: float = 1e9,
    ) -> Any:
        """Batches of samples for training.

        Parameters
        ----------
        batch_size : `int`
            Samples per batch
        shuffle_seed : `None` (default) | `int`
            Seed of the order, which changes in each epoch; `None` keeps the order of the file
        normalize : `bool`, (default `True`)
            If `True`, each channel is divided by its RMS, which is the label "rms"
        drop_remainder : `bool`, (default `False`)
            If `True`, an incomplete last batch is left out
        memory : `float`, (default 1e9)
            Bytes that the channels of all samples may take to be kept after their first reading,
            for the epochs that follow; larger sets are read in each epoch

        Output
        ------
        : `tf.data.Dataset`
            Pairs of channels [batch_size, num_subcarriers, num_rx, num_tx], complex, and labels: a
            `dict` of "category" (`tf.int32`), "range" [m], "azimuth" [rad] and "rms", each
            [batch_size]
        """
        import tensorflow as tf

        from sionna_isac.core import checks

        checks.integer("batch_size", batch_size)
        real = np.float32 if self.dtype == np.complex64 else np.float64
        labels = {"category": self.labels["category"]}
        labels |= {name: self.labels[name].astype(real) for name in ("range", "azimuth", "rms")}

        def from_file(indices: np.ndarray) -> np.ndarray:
            channel = self.channel(indices)
            return channel / labels["rms"][indices, None, None, None] if normalize else channel

        read: Callable[[np.ndarray], np.ndarray] = from_file
        size = len(self) * math.prod(self.shape) * self.dtype.itemsize
        if size <= checks.real("memory", memory, minimum=0):
            read = _kept(from_file, np.empty((len(self), *self.shape), self.dtype))

        def batch(indices: Any) -> Any:
            channel = tf.numpy_function(read, [indices], tf.as_dtype(self.dtype), stateful=False)
            channel.set_shape([*indices.shape, *self.shape])
            return channel, {name: tf.gather(value, indices) for name, value in labels.items()}

        order = tf.data.Dataset.range(len(self))
        if shuffle_seed is not None:
            order = order.shuffle(len(self), shuffle_seed, reshuffle_each_iteration=True)
        order = order.batch(batch_size, drop_remainder)
        return order.map(batch).prefetch(2)


def _kept(
    read: Callable[[np.ndarray], np.ndarray], kept: np.ndarray
) -> Callable[[np.ndarray], np.ndarray]:
    """``read`` with a memory: each sample is read once."""
    there = np.zeros(len(kept), bool)

    def recall(indices: np.ndarray) -> np.ndarray:
        new = indices[~there[indices]]
        if new.size:
            kept[new] = read(new)
            there[new] = True
        return kept[indices]

    return recall


class DatasetView(ChannelSamples):
    """View of a data set: fewer tones, antennas or samples, or perturbed channels.

    Made by :meth:`ChannelDataset.view`, which describes the arguments. The label "rms" is that of
    the tones and antennas that are seen, without noise and other perturbations.
    """

    def __init__(
        self,
        dataset: ChannelDataset,
        *,
        tones: Any,
        num_tx: int | None,
        num_rx: int | None,
        fraction: float,
        noise: float,
        amplitude: float,
        phase_offset: float,
        seed: int,
    ) -> None:
        from sionna_isac.core import checks

        self.dataset = dataset
        self.amplitude = checks.real("amplitude", amplitude, minimum=0, maximum=1)
        self.noise = checks.real("noise", noise, minimum=0)
        self.phase_offset = checks.heading("phase_offset", phase_offset)
        self.seed = checks.integer("seed", seed, minimum=0)
        share = checks.real("fraction", fraction, minimum=0, maximum=1)
        held = [int(n) for n in dataset.scenario.waveform.subcarriers]
        self.tones = np.array(
            held if tones is None else checks.integers("tones", list(tones), minimum=0)
        )
        missing = [int(n) for n in self.tones if n not in held]
        if missing or len(set(self.tones.tolist())) != len(self.tones):
            raise ValueError(
                f"tones must be distinct subcarriers that the set holds, {held}; got "
                f"{self.tones.tolist()}"
            )
        places = np.array([held.index(n) for n in self.tones])
        rx, tx = (
            _central(name, number, len(positions))
            for name, number, positions in (
                ("num_rx", num_rx, dataset.rx_positions),
                ("num_tx", num_tx, dataset.tx_positions),
            )
        )
        self._seen = places[:, np.newaxis, np.newaxis], rx[:, np.newaxis], tx
        self.samples = self._choose(share)
        self.frequencies = dataset.frequencies[places]
        self.tx_positions, self.rx_positions = dataset.tx_positions[tx], dataset.rx_positions[rx]
        self.shape, self.dtype = (len(places), len(rx), len(tx)), dataset.dtype
        self.labels = {name: values[self.samples] for name, values in dataset.labels.items()}
        if self.shape != dataset.shape:
            self.labels["rms"] = self._rms()

    def _choose(self, share: float) -> np.ndarray:
        """Numbers of the samples that are seen: the same share of each category."""
        category = self.dataset.labels["category"]
        generator = np.random.default_rng([self.seed, 0])
        chosen = []
        for value in np.unique(category):
            of = generator.permutation(np.flatnonzero(category == value))
            chosen.append(of[: round(share * of.size)])
        found = np.sort(np.concatenate(chosen))
        if not found.size:
            raise ValueError(f"fraction must leave a sample of {len(self.dataset)}; got {share:g}")
        return found

    def _rms(self) -> np.ndarray:
        values = np.empty(len(self.samples))
        for place, number in enumerate(self.samples):
            seen = self.dataset.channel(int(number))[self._seen]
            values[place] = math.sqrt(np.mean(np.abs(seen) ** 2, dtype=np.float64))
        return values

    def __len__(self) -> int:
        return len(self.samples)

    def _one(self, index: int) -> np.ndarray:
        number = int(self.samples[index])
        value = self.dataset.channel(number)[self._seen]
        if self.phase_offset:
            value = value * np.exp(1j * self.phase_offset)
        if self.amplitude:
            generator = self._generator(2, number)
            tone, rx, tx = (generator.normal(size=length) for length in value.shape)
            logarithm = tone[:, np.newaxis, np.newaxis] + rx[:, np.newaxis] + tx
            value = value * np.exp(self.amplitude * logarithm)
        if self.noise:
            drawn = self._generator(1, number).normal(size=(2, *value.shape))
            scale = self.noise * self.labels["rms"][index] / math.sqrt(2)
            value = value + scale * (drawn[0] + 1j * drawn[1])
        return value.astype(self.dtype)

    def _generator(self, purpose: int, number: int) -> np.random.Generator:
        """Generator of a sample: what it draws does not depend on which others are seen."""
        split = SPLITS.index(self.dataset.split)
        return np.random.default_rng([self.seed, purpose, split, number])


def _central(name: str, number: int | None, held: int) -> np.ndarray:
    """Numbers of the central antennas of a line."""
    from sionna_isac.core import checks

    number = held if number is None else checks.integer(name, number)
    if number > held or (held - number) % 2:
        raise ValueError(
            f"{name} must be {held} less an even number, so that the centre stays; got {number}"
        )
    return np.arange(number) + (held - number) // 2
