"""Reading of data sets: arrays, and a `tf.data.Dataset` for training."""

from __future__ import annotations

import contextlib
import hashlib
import json
from pathlib import Path
from typing import Any, cast

import h5py
import numpy as np

from sionna_isac.dataset.samples import ChannelSamples, DatasetView
from sionna_isac.dataset.scenario import SPLITS, Split
from sionna_isac.dataset.store import (
    VARIABLES,
    DatasetError,
    check_head,
    damaged,
    opened,
    reading,
    sample_digest,
    split_file,
)
from sionna_isac.study.loading import parse_scenario

__all__ = ["ChannelDataset", "open_dataset"]


def open_dataset(path: str | Path, split: str = "train") -> ChannelDataset:
    """Open a split of a data set.

    Parameters
    ----------
    path : `str` | `Path`
        Folder of the data set, or the file of a split
    split : "train" (default) | "validation" | "test"
        Split, if ``path`` is a folder

    Output
    ------
    : :class:`ChannelDataset`
        The split; channels are read on demand

    Raises
    ------
    DatasetError
        If there is no such split, or it is damaged
    """
    file = Path(path)
    if file.is_dir() or not file.suffix:
        if split not in SPLITS:
            raise DatasetError(f"split must be one of {', '.join(SPLITS)}; got '{split}'")
        file = split_file(file, split)
    return ChannelDataset(file)


class ChannelDataset(ChannelSamples):
    """One split of a data set of channels.

    Labels are in memory; channels are read from the file on demand. The first reading of a sample
    checks its checksum and its values: :class:`DatasetError` if it is damaged.

    Parameters
    ----------
    file : `str` | `Path`
        HDF5 file of a split

    Raises
    ------
    DatasetError
        If there is no such file, or it is damaged

    Example
    -------
    >>> train = isac.dataset.open_dataset("results/dataset_10cm", "train")
    >>> train.channel(range(8)).shape
    (8, 16, 64, 64)
    >>> for channel, labels in train.as_tf(batch_size=32, shuffle_seed=1): ...
    """

    def __init__(self, file: str | Path) -> None:
        self.file = Path(file)
        self._stack = contextlib.ExitStack()
        self._store: h5py.File = self._stack.enter_context(opened(self.file))
        try:
            with reading(self.file):
                self._read_head()
        except DatasetError:
            self.close()
            raise

    def _read_head(self) -> None:
        attrs = self._store.attrs
        self.attrs = {k: v.item() if isinstance(v, np.generic) else v for k, v in attrs.items()}
        self.scenario = parse_scenario(json.loads(self.attrs["scenario"]))
        self.split = cast(Split, str(self.attrs["split"]))
        self.categories = tuple(json.loads(self.attrs["categories"]))
        self.parts = tuple(json.loads(self.attrs["parts"]))
        check_head(self._store, self.scenario, self.file)
        self.frequencies = self._store["frequency"][()]
        self.tx_positions, self.rx_positions = (
            self._store[f"{side}_position"][()] for side in ("tx", "rx")
        )
        self.labels = {n: self._store[n][()] for n in VARIABLES if n != "channel"}
        self._sha256 = self._store["sha256"][()]
        self.shape, self.dtype = self._store["channel"].shape[1:], self._store["channel"].dtype
        self._seen = np.zeros(len(self._sha256), bool)
        wrong = [n for n in VARIABLES if len(self._store[n]) != len(self._sha256)]
        expected = getattr(self.scenario.num_samples, self.split)
        if wrong or len(self._sha256) != expected:
            raise damaged(self.file, f"it does not hold {expected} samples")

    def __len__(self) -> int:
        return len(self._sha256)

    @property
    def digest(self) -> str:
        """`str` : Digest of the checksums of all samples: equal for equal channels and labels"""
        return hashlib.sha256(self._sha256.tobytes()).hexdigest()[:16]

    def __repr__(self) -> str:
        return (
            f"ChannelDataset('{self.file}', {len(self)} samples, channel "
            f"{list(self._store['channel'].shape[1:])})"
        )

    def __enter__(self) -> ChannelDataset:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._stack.close()

    def _one(self, index: int) -> np.ndarray:
        where = f"sample {index} of split '{self.split}': "
        with reading(self.file, where):
            value = self._store["channel"][index]
        if not self._seen[index]:
            sample = {name: values[index] for name, values in self.labels.items()}
            digest = sample_digest({"channel": value, **sample}, index)
            if not np.array_equal(digest, self._sha256[index]):
                raise damaged(self.file, "the checksum differs", where)
            if not np.all(np.isfinite(value)):
                raise DatasetError(f"{where}'{self.file}' holds values that are not finite")
            self._seen[index] = True
        return value

    def check(self) -> None:
        """Read all samples; :class:`DatasetError` names the first that is damaged."""
        for index in range(len(self)):
            self._one(index)

    def view(
        self,
        *,
        tones: Any = None,
        num_tx: int | None = None,
        num_rx: int | None = None,
        fraction: float = 1.0,
        noise: float = 0.0,
        amplitude: float = 0.0,
        phase_offset: float = 0.0,
        seed: int = 0,
    ) -> DatasetView:
        """The same samples with fewer tones, antennas or samples, or perturbed, without copies.

        Parameters
        ----------
        tones : `None` (default) | [num_tones], array_like of `int`
            Numbers of subcarriers, as in the scenario (``waveform.placement``); `None` is all
        num_tx, num_rx : `None` (default) | `int`
            Number of antennas, those in the middle of the array; `None` is all
        fraction : `float`, (default 1)
            Share of the samples of each category, above 0
        noise : `float`, (default 0)
            Standard deviation of white noise over the RMS of each sample
        amplitude : `float`, (default 0)
            Spread of the gains, in each sample, of its tones, receivers and transmitters: standard
            deviation of the logarithm of each of the three, at most 1. There is no factor that is
            common to a sample: receivers normalise it away.
        phase_offset : `float`, (default 0)
            Phase that all channels are turned by [rad]
        seed : `int`, (default 0)
            Seed of the choice of samples and of the perturbations: a sample has the same ones at
            every reading

        Output
        ------
        : :class:`DatasetView`
            View; the file stays open as long as this data set

        Raises
        ------
        ValueError
            If the set does not hold a tone, or a value is out of its range
        """
        return DatasetView(
            self,
            tones=tones,
            num_tx=num_tx,
            num_rx=num_rx,
            fraction=fraction,
            noise=noise,
            amplitude=amplitude,
            phase_offset=phase_offset,
            seed=seed,
        )
