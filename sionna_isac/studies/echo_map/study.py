"""Echoes of extended targets and of point targets in their place, and images of both."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import xarray as xr
from scipy.constants import c as SPEED_OF_LIGHT

from sionna_isac.dataset.sample import antennas, target_response, unit_gain_channel
from sionna_isac.studies._scattering.bodies import vehicle
from sionna_isac.study.progress import Reporter
from sionna_isac.study.store import RunFolder

__all__ = ["back_projection", "echo_map"]

MODELS = ("point", "extended")
BLOCK = 4096  # places of an image at a time


def echo_map(scenario: Any, folder: RunFolder, reporter: Reporter) -> xr.Dataset:
    """Channels of every target, one stored part each, and their images."""
    names = [f"target{i:03d}" for i in range(len(scenario.targets))]
    parts = [folder.load(name) for name in names]
    done = sum(part is not None for part in parts)
    with reporter.task("echoes", len(names), done) as advance:
        for i, placed in enumerate(scenario.targets):
            if parts[i] is None:
                part = _echo(scenario, placed)
                folder.save(names[i], **part)
                parts[i] = part
                advance(1, placed.category)
    return _summary(scenario, parts)


def back_projection(
    channel: np.ndarray,
    frequencies: np.ndarray,
    tx_positions: np.ndarray,
    rx_positions: np.ndarray,
    points: np.ndarray,
) -> np.ndarray:
    r"""Near-field matched filter, :math:`|\sum H_{frt} e^{jk_f(R_t + R_r)}| / \|H\|`.

    Divided by the root of the number of entries as well: 1 where all of the channel is the echo of
    that place, apart from the loss over distance.

    Input
    -----
    channel : [F, R, T]
        Channel
    frequencies : [F]
        [Hz]
    tx_positions, rx_positions, points : [T, 3], [R, 3], [P, 3]
        [m]

    Output
    ------
    : [P], `np.float64`
        Image, within [0, 1]
    """
    image = np.empty(len(points))
    for start in range(0, len(points), BLOCK):
        block = slice(start, start + BLOCK)
        total = np.zeros(len(points[block]), np.complex128)
        distances = [
            np.linalg.norm(side[:, np.newaxis] - points[block], axis=-1)
            for side in (tx_positions, rx_positions)
        ]
        for h, frequency in zip(channel, frequencies, strict=True):
            k = 2 * math.pi * frequency / SPEED_OF_LIGHT
            tx, rx = (np.exp(1j * k * distance).astype(np.complex64) for distance in distances)
            total += np.sum(rx * (h.astype(np.complex64) @ tx), axis=0)
        image[block] = np.abs(total)
    return image / (np.linalg.norm(channel) * math.sqrt(channel.size))


def _echo(scenario: Any, placed: Any) -> dict[str, Any]:
    """Channels [2, F, R, T] of a point and of the target, images of both, voxels in the world."""
    target = vehicle(placed, scenario.solver.voxel_size, scenario.array.height)
    found = target_response(scenario, target)
    extended = unit_gain_channel(scenario, found.h)
    channels = np.stack([_point_echo(scenario, target.center), extended])
    array = antennas(scenario)
    points = _places(scenario)
    images = [
        back_projection(
            h.astype(np.complex64) / np.abs(h).max(),
            scenario.frequencies,
            array["tx_position"],
            array["rx_position"],
            points.reshape(-1, 3),
        ).reshape(points.shape[:-1])
        for h in channels
    ]
    return {
        "channel": channels.astype(np.complex64),
        "image": np.stack(images).astype(np.float32),
        "center": target.center,
        "voxels": target.to_world(target.positions),
        "part": target.part,
        "part_names": np.array(target.part_names),
        "iterations": found.iterations,
        "residual": found.residual,
    }


def _point_echo(scenario: Any, place: np.ndarray) -> np.ndarray:
    """Echo [F, R, T] of an isotropic scatterer of 1 m^2: spherical waves there and back."""
    array = antennas(scenario)
    tx, rx = (np.linalg.norm(array[f"{s}_position"] - place, axis=-1) for s in ("tx", "rx"))
    wavelength = (SPEED_OF_LIGHT / scenario.frequencies)[:, np.newaxis, np.newaxis]
    path, product = rx[:, np.newaxis] + tx, rx[:, np.newaxis] * tx
    loss = wavelength / ((4 * math.pi) ** 1.5 * product)
    return loss * np.exp(-2j * math.pi * path / wavelength)


def _places(scenario: Any) -> np.ndarray:
    """Places of the image [ranges, azimuths, heights, 3]; the ground is below the array."""
    image = scenario.image
    distance, azimuth, height = _axes(image)
    grid = np.meshgrid(distance, azimuth, height - scenario.array.height, indexing="ij")
    return np.stack([grid[0] * np.cos(grid[1]), grid[0] * np.sin(grid[1]), grid[2]], axis=-1)


def _axes(image: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Horizontal ranges [m], azimuths [rad], heights over the ground [m]."""
    return (
        _steps(image.range_interval, image.num_ranges),
        np.radians(_steps(image.azimuth_deg, image.num_azimuths)),
        _steps(image.height_interval, image.num_heights),
    )


def _steps(interval: tuple[float, float], number: int) -> np.ndarray:
    return np.linspace(interval[0], interval[1], number)


def _summary(scenario: Any, parts: list[Any]) -> xr.Dataset:
    distance, azimuth, height = _axes(scenario.image)
    dataset = xr.Dataset(
        coords={
            "target": [
                f"{i + 1}: {t.category}, heading {t.heading_deg:g} deg"
                for i, t in enumerate(scenario.targets)
            ],
            "model": list(MODELS),
            "frequency": ("frequency", scenario.frequencies, {"units": "Hz"}),
            "range": ("range", distance, {"units": "m"}),
            "azimuth": ("azimuth", azimuth, {"units": "rad"}),
            "height": ("height", height, {"units": "m", "long_name": "over the ground"}),
        }
    )
    channel = np.stack([part["channel"] for part in parts])
    shape = ("target", "model", "frequency", "rx", "tx")
    for name in ("real", "imag"):
        dataset[f"channel_{name}"] = (shape, getattr(channel, name))
    image = np.stack([part["image"] for part in parts])
    dataset["image"] = (
        ("target", "model", "range", "azimuth"),
        image.max(axis=-1),
        {"long_name": "matched filter, largest over heights; 1 if all is the echo of one place"},
    )
    dataset["center"] = (("target", "xyz"), np.stack([part["center"] for part in parts]))
    _add_peaks(scenario, dataset, image)
    for name in ("iterations", "residual"):
        dataset[name] = (("target", "frequency"), np.stack([part[name] for part in parts]))
    for i, part in enumerate(parts):
        voxel = (f"voxel{i}", "xyz")
        dataset[f"voxels{i}"] = (voxel, part["voxels"].astype(np.float32), {"units": "m"})
        dataset[f"part{i}"] = (voxel[0], part["part"])
        dataset.attrs[f"part_names{i}"] = " ".join(part["part_names"])
    for name, value in antennas(scenario).items():
        if name.endswith("position"):
            dataset[name] = ((name[:2], "xyz"), value, {"units": "m"})
    return dataset


def _add_peaks(scenario: Any, dataset: xr.Dataset, image: np.ndarray) -> None:
    """Maxima of images, and their distance from the centre, in the horizontal plane."""
    distance, azimuth, height = _axes(scenario.image)
    found = np.array(
        [[np.unravel_index(np.argmax(x), x.shape) for x in models] for models in image]
    )
    r, a, h = distance[found[..., 0]], azimuth[found[..., 1]], height[found[..., 2]]
    cell = ("target", "model")
    dataset["peak"] = (cell, image.max(axis=(2, 3, 4)), {"long_name": "largest value of the image"})
    dataset["peak_range"] = (cell, r, {"units": "m"})
    dataset["peak_azimuth"] = (cell, a, {"units": "rad"})
    dataset["peak_height"] = (cell, h, {"units": "m"})
    place = np.stack([r * np.cos(a), r * np.sin(a)], axis=-1)
    center = dataset["center"].values[:, np.newaxis, :2]
    error = np.linalg.norm(place - center, axis=-1)
    dataset["peak_error"] = (cell, error, {"units": "m", "long_name": "from the target's centre"})
