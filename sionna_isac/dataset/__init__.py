"""Data sets of near-field channels: generation, storage, reading."""

from sionna_isac.dataset.generate import generate_dataset
from sionna_isac.dataset.inspect import (
    describe_dataset,
    is_dataset,
    summarise_dataset,
    verify_dataset,
)
from sionna_isac.dataset.read import ChannelDataset, open_dataset
from sionna_isac.dataset.sample import SampleError, compute_sample, unit_gain_moment
from sionna_isac.dataset.samples import ChannelSamples, DatasetView
from sionna_isac.dataset.scenario import DatasetScenario
from sionna_isac.dataset.store import DatasetError

__all__ = [
    "ChannelDataset",
    "ChannelSamples",
    "DatasetError",
    "DatasetScenario",
    "DatasetView",
    "SampleError",
    "compute_sample",
    "describe_dataset",
    "generate_dataset",
    "is_dataset",
    "open_dataset",
    "summarise_dataset",
    "unit_gain_moment",
    "verify_dataset",
]
