"""Contents and integrity of a stored data set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from sionna_isac.dataset.plan import instances_of
from sionna_isac.dataset.read import ChannelDataset
from sionna_isac.dataset.scenario import SPLITS
from sionna_isac.dataset.store import DatasetError, split_file

__all__ = ["describe_dataset", "is_dataset", "summarise_dataset", "verify_dataset"]


def is_dataset(path: str | Path) -> bool:
    """`True` if a path is a file of a data set, or a folder with such a file."""
    path = Path(path)
    return path.suffix == ".h5" or any(split_file(path, split).exists() for split in SPLITS)


def verify_dataset(path: str | Path) -> dict[str, int]:
    """Check every sample of a data set, and that no instance is in two splits.

    Parameters
    ----------
    path : `str` | `Path`
        Folder of the data set, or the file of one split

    Output
    ------
    : `dict`
        Number of checked samples of each split

    Raises
    ------
    DatasetError
        If a file is missing, a file or sample is damaged, or splits share an instance
    """
    found: dict[str, int] = {}
    owner: dict[tuple[str, int], str] = {}
    first: Any = None
    for file in _files(path):
        with ChannelDataset(file) as dataset:
            dataset.check()
            if first is None:
                first = dataset.scenario
            if dataset.scenario != first:
                raise DatasetError(f"'{file}' is of another configuration than the other splits")
            if dataset.split in found:
                raise DatasetError(f"'{file}' holds the split '{dataset.split}' again")
            found[dataset.split] = len(dataset)
            _check_instances(dataset, owner)
    return found


def _check_instances(dataset: ChannelDataset, owner: dict[tuple[str, int], str]) -> None:
    """Note the instances of a split; raise if one belongs to another split."""
    planned = instances_of(dataset.scenario, dataset.split)
    rows = zip(*(dataset.labels[n] for n in ("category", "instance", "instance_seed")), strict=True)
    for index, (category, instance, seed) in enumerate(rows):
        name = dataset.categories[category]
        where = f"sample {index} of split '{dataset.split}' in '{dataset.file}': instance "
        if instance not in planned[category]:
            raise DatasetError(f"{where}{instance} of '{name}' is not one of this split")
        other = owner.setdefault((name, int(seed)), dataset.split)
        if other != dataset.split:
            raise DatasetError(f"{where}{instance} of '{name}' is in the split '{other}' as well")


def describe_dataset(path: str | Path) -> dict[str, Any]:
    """Main figures of a data set, without reading its channels.

    Parameters
    ----------
    path : `str` | `Path`
        Folder of the data set, or the file of one split

    Output
    ------
    : `dict`
        "about" (`dict` of texts) and "splits" (a `dict` of figures for each split)
    """
    about: dict[str, str] = {}
    splits: dict[str, dict[str, str]] = {}
    for file in _files(path):
        with ChannelDataset(file) as dataset:
            about = about or _about(dataset)
            splits[dataset.split] = _figures(dataset)
    return {"about": about, "splits": splits}


def _about(dataset: ChannelDataset) -> dict[str, str]:
    scenario, attrs = dataset.scenario, dataset.attrs
    method = "Born approximation" if scenario.solver.approximation else "full wave"
    tones = dataset.frequencies
    dtype = "complex64" if scenario.precision == "single" else "complex128"
    return {
        "title": scenario.title,
        "name": scenario.name,
        "method": f"{method}, kernel {scenario.solver.kernel}",
        "voxel size": f"{scenario.solver.voxel_size:g} m",
        "channel": f"{len(tones)} subcarriers x {len(dataset.rx_positions)} rx x "
        f"{len(dataset.tx_positions)} tx, {dtype}",
        "frequencies": f"{tones.min() / 1e9:.6g} to {tones.max() / 1e9:.6g} GHz",
        "seed": str(attrs["seed"]),
        "computed by": str(attrs["computed_by"]),
        "created": str(attrs["created"]),
    }


def _figures(dataset: ChannelDataset) -> dict[str, str]:
    labels = dataset.labels
    figures = {"samples": str(len(dataset))}
    for number, name in enumerate(dataset.categories):
        of = labels["category"] == number
        figures[name] = f"{of.sum()} of {len(np.unique(labels['instance'][of]))} instances"
    distance, azimuth = labels["range"], np.rad2deg(labels["azimuth"])
    figures["range"] = f"{distance.min():.1f} to {distance.max():.1f} m"
    figures["azimuth"] = f"{azimuth.min():.0f} to {azimuth.max():.0f} deg"
    figures["iterations"] = f"at most {labels['iterations'].max()}"
    figures["residual"] = f"at most {labels['residual'].max():.1e}"
    figures["file"] = f"{dataset.file.stat().st_size / 1e6:.3g} MB"
    return figures


def summarise_dataset(path: str | Path) -> tuple[xr.Dataset, Any]:
    """Labels and one channel's magnitude of a data set, for its figure; and its scenario."""
    parts = []
    example = None
    for file in _files(path):
        with ChannelDataset(file) as dataset:
            scenario, categories = dataset.scenario, np.array(dataset.categories)
            if example is None:
                example = np.abs(dataset.channel(0)).sum(0)
            kept = {n: dataset.labels[n] for n in ("range", "azimuth", "rms")}
            kept["category"] = categories[dataset.labels["category"]]
            kept["split"] = np.full(len(dataset), dataset.split)
            parts.append(xr.Dataset({n: ("sample", v) for n, v in kept.items()}))
    summary = xr.concat(parts, "sample")
    summary["example_magnitude"] = (("rx", "tx"), example)
    summary.attrs.update(title=scenario.title, categories=list(scenario.categories))
    return summary, scenario


def _files(path: str | Path) -> list[Path]:
    """Files of a path: the given one, or those of all splits, which must exist."""
    path = Path(path)
    return [path] if path.suffix == ".h5" else [split_file(path, split) for split in SPLITS]
