"""Files of a data set: one HDF5 file a split, with a checksum for every sample."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from sionna_isac.dataset.sample import antennas, unit_gain_moment
from sionna_isac.dataset.scenario import DatasetScenario, Split
from sionna_isac.study.store import StoreError, atomic, provenance

__all__ = [
    "VARIABLES",
    "DatasetError",
    "check_head",
    "damaged",
    "opened",
    "reading",
    "sample_digest",
    "split_file",
    "write_split",
]

FORMAT = "sionna_isac channel dataset 1"
LAYOUT = ("v110", "v110")  # metadata with checksums; readable by HDF5 1.10 and later

# per-sample variables: unit and meaning
VARIABLES = {
    "channel": ("1", "channel [subcarrier, rx, tx]"),
    "category": ("1", "category, index into the attribute `categories`"),
    "range": ("m", "horizontal distance of the target's centre"),
    "azimuth": ("rad", "azimuth of the target's centre, from x counter-clockwise"),
    "heading": ("rad", "direction of the target's front"),
    "instance": ("1", "instance within the category"),
    "instance_seed": ("1", "seed of the instance's shape and materials"),
    "center": ("m", "centre of the target relative to that of the array"),
    "dimensions": ("m", "length, width and height of the voxels"),
    "volume": ("m^3", "volume of the material"),
    "num_voxels": ("1", "number of voxels"),
    "rms": ("1", "root mean square of the channel's magnitude"),
    "iterations": ("1", "iterations of the solver at each subcarrier"),
    "residual": ("1", "relative residual at each subcarrier"),
    "rank": ("1", "right-hand sides solved at each subcarrier"),
    "part_permittivity": ("1", "mean relative permittivity of each part, NaN without the part"),
    "part_conductivity": ("S/m", "mean conductivity of each part"),
    "part_volume": ("m^3", "volume of each part"),
}
_MATERIALS = ("part_permittivity", "part_conductivity", "part_volume")
# names of dimensions, so that xarray shows them; "frequency" is also a variable, its scale
_SHAPES = {
    "channel": ("frequency", "rx", "tx"),
    "center": ("xyz",),
    "dimensions": ("xyz",),
    **dict.fromkeys(("iterations", "residual", "rank"), ("frequency",)),
    **dict.fromkeys(_MATERIALS, ("part",)),
    "sha256": ("byte",),
}
_FIXED_SHAPES = {
    **dict.fromkeys(("tx_position", "tx_polarization"), ("tx", "xyz")),
    **dict.fromkeys(("rx_position", "rx_polarization"), ("rx", "xyz")),
    "tx_moment": ("frequency",),
}
# name in netCDF for a dimension without a variable
_BARE = "This is a netCDF dimension but not a netCDF variable.%10d"


class DatasetError(StoreError):
    """Unusable data set; the message is one line and names file and sample."""


def damaged(file: Path, text: str, where: str = "") -> DatasetError:
    """Error with the defect of a file and its remedy."""
    return DatasetError(
        f"{where}'{file}' is damaged: {text}; remove it and run again to generate it anew"
    )


def split_file(folder: Path, split: Split) -> Path:
    """File of a split in the folder of a data set."""
    return Path(folder) / f"{split}.h5"


def sample_digest(sample: dict[str, Any], index: int) -> np.ndarray:
    """SHA-256 [32] over a sample's number and the bytes of its variables, names in order."""
    digest = hashlib.sha256(str(index).encode())
    for name in sorted(VARIABLES):
        value = np.asarray(sample[name])
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(value, value.dtype.newbyteorder("<")).tobytes())
    return np.frombuffer(digest.digest(), np.uint8)


def write_split(
    file: Path,
    scenario: DatasetScenario,
    split: Split,
    samples: Iterable[dict[str, np.ndarray]],
    parts: list[str],
    commits: list[str],
) -> None:
    """Write the file of a split from its samples in order, atomically.

    Parameters
    ----------
    file : `Path`
        File
    scenario : :class:`~sionna_isac.dataset.DatasetScenario`
        Scenario
    split : "train" | "validation" | "test"
        Split
    samples : iterable of `dict`
        Results of :func:`~sionna_isac.dataset.sample.compute_sample`
    parts : list of `str`
        Names of all parts that occur
    commits : list of `str`
        Versions that computed the samples
    """
    number = getattr(scenario.num_samples, split)
    try:
        with atomic(file) as temporary, h5py.File(temporary, "w", libver=LAYOUT) as store:
            _write_head(store, scenario, split, parts, commits)
            for index, raw in enumerate(samples):
                sample = _with_all_parts(raw, parts)
                if index == 0:
                    _create(store, sample, number, scenario.compression)
                for name in VARIABLES:
                    store[name][index] = sample[name]
                store["sha256"][index] = sample_digest(sample, index)
            _name_dimensions(store)
            if index + 1 != number:
                raise RuntimeError(f"{index + 1} samples written, {number} expected")
    except OSError as error:
        raise StoreError(f"out: cannot write '{file}': {error}") from None


def _write_head(
    store: h5py.File, scenario: DatasetScenario, split: Split, parts: list[str], commits: list[str]
) -> None:
    solver = scenario.solver
    store.attrs.update(provenance(scenario))
    store.attrs.update(
        format=FORMAT,
        split=split,
        name=scenario.name,
        categories=json.dumps(scenario.categories),
        parts=json.dumps(parts),
        voxel_size=solver.voxel_size,
        kernel=solver.kernel,
        approximation=solver.approximation or "none",
        computed_by=" ".join(commits),
        normalization="amplitude of the radar equation between antennas of gain 1: "
        "E [V/m] for dipoles of the moment tx_moment [C m] in tx_polarization",
    )
    units = {"tx_position": "m", "rx_position": "m", "frequency": "Hz", "tx_moment": "C m"}
    for name, value in _fixed_variables(scenario).items():
        store.create_dataset(name, data=value).attrs["units"] = units.get(name, "1")


def _fixed_variables(scenario: DatasetScenario) -> dict[str, np.ndarray]:
    """Variables that all samples share: antennas, frequencies and moments."""
    return {
        **antennas(scenario.array),
        "frequency": np.asarray(scenario.frequencies),
        "tx_moment": unit_gain_moment(scenario.frequencies),
    }


def check_head(store: h5py.File, scenario: DatasetScenario, file: Path) -> None:
    """Refuse shared variables that differ from those of the scenario.

    No checksum covers them, but they follow from the scenario, to the last bit, except for the
    moment: the electric constant is a measured value, which changes every few years.
    """
    for name, expected in _fixed_variables(scenario).items():
        value = store[name][()]
        spread = 1e-8 if name == "tx_moment" else 0.0
        same = value.shape == expected.shape and np.allclose(value, expected, spread, 0)
        if not same:
            raise damaged(file, f"{name} is not what the scenario of the file gives")
    for name in {n for names in _all_shapes().values() for n in names} - {"frequency"}:
        if name in store and np.any(store[name][()]):  # older files have no such dimensions
            raise damaged(file, f"the dimension {name} is not empty")


def _create(store: h5py.File, sample: dict[str, Any], number: int, compression: str) -> None:
    """Make the variables, the channel in chunks of one sample."""
    packed = {"compression": "gzip", "compression_opts": 4, "shuffle": True}
    for name, (unit, meaning) in VARIABLES.items():
        value = np.asarray(sample[name])
        extra: dict[str, Any] = {}
        if name == "channel":
            extra = {"chunks": (1, *value.shape), **(packed if compression == "gzip" else {})}
        made = store.create_dataset(name, (number, *value.shape), value.dtype, **extra)
        made.attrs.update(units=unit, long_name=meaning)
    made = store.create_dataset("sha256", (number, 32), np.uint8)
    made.attrs["long_name"] = "SHA-256 of the sample's number and variables"


def _all_shapes() -> dict[str, tuple[str, ...]]:
    """Names of the dimensions of every variable."""
    shapes = {name: ("sample", *_SHAPES.get(name, ())) for name in (*VARIABLES, "sha256")}
    return shapes | _FIXED_SHAPES


def _name_dimensions(store: h5py.File) -> None:
    """Give every axis of every variable a name, as a dimension scale of HDF5 and netCDF."""
    store["frequency"].make_scale("frequency")
    for variable, names in _all_shapes().items():
        for axis, (name, size) in enumerate(zip(names, store[variable].shape, strict=True)):
            if name not in store:
                store.create_dataset(name, (size,), ">f4").make_scale(_BARE % size)
            store[variable].dims[axis].attach_scale(store[name])


def _with_all_parts(raw: dict[str, np.ndarray], parts: list[str]) -> dict[str, Any]:
    """The sample with its materials over the parts of the whole data set."""
    place = [parts.index(str(name)) for name in raw["part"]]
    sample = {name: raw[name] for name in VARIABLES}
    for name in _MATERIALS:
        sample[name] = np.full(len(parts), np.nan)
        sample[name][place] = raw[name]
    return sample


@contextlib.contextmanager
def opened(file: Path) -> Iterator[h5py.File]:
    """Open a split's file for reading; a defect is a :class:`DatasetError`."""
    if not file.is_file():
        raise DatasetError(f"no data set at '{file}': generate it first")
    try:
        store = h5py.File(file, "r")
    except OSError as error:
        reason = "is truncated" if "truncated" in str(error) else "is not a readable HDF5 file"
        raise damaged(file, f"it {reason}") from None
    with store, reading(file):
        if str(store.attrs.get("format")) != FORMAT:
            raise DatasetError(f"'{file}' is not a data set of sionna_isac ({FORMAT!r} expected)")
        yield store


@contextlib.contextmanager
def reading(file: Path, what: str = "") -> Iterator[None]:
    """Turn errors of HDF5 about a damaged file into one line with the file's name."""
    try:
        yield
    except DatasetError:
        raise
    except Exception as error:  # HDF5, JSON and NumPy raise a dozen of kinds
        raise damaged(file, " ".join(str(error).split()), what) from None
