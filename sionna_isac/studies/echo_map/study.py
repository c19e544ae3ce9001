"""Echoes of extended targets and of point targets in their place, and images of both."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Mapping

import numpy as np
import xarray as xr

from sionna_isac.channel import point_echo
from sionna_isac.dataset.sample import antennas, target_response, unit_gain_channel
from sionna_isac.receiver import back_projection
from sionna_isac.studies._scattering.bodies import vehicle
from sionna_isac.studies.echo_map.scenario import EchoImage, EchoMapScenario
from sionna_isac.study.part import Arrays, Part, Study

__all__ = ["EchoMapStudy", "echo_map_report"]

MODELS = ("point", "extended")


class EchoMapStudy(Study[EchoMapScenario]):
    """Channels and images of every target and of a point in its place."""

    def parts(self) -> Iterator[Part]:
        for i, placed in enumerate(self.scenario.targets):
            yield Part(f"target{i:03d}", (placed,), task="echoes", note=placed.category)

    @functools.cached_property
    def _antennas(self) -> dict[str, np.ndarray]:
        return antennas(self.scenario.array)

    def compute(self, part: Part, earlier: Mapping[str, Arrays]) -> Arrays:
        """Channels [2, F, R, T] of point and target, their images, voxels in the world frame."""
        scenario, array = self.scenario, self.scenario.array
        frequencies, solver = scenario.frequencies, scenario.solver
        (placed,) = part.arguments
        target = vehicle(placed, solver.voxel_size, array.height)
        found = target_response(target, array, solver, frequencies, scenario.precision)
        extended = unit_gain_channel(found.h, frequencies, array.carrier_frequency)
        sides = self._antennas["tx_position"], self._antennas["rx_position"]
        channels = np.stack([point_echo(target.center, frequencies, *sides), extended])
        points = self._places()
        images = [
            back_projection(
                h.astype(np.complex64) / np.abs(h).max(),
                frequencies,
                *sides,
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

    def _places(self) -> np.ndarray:
        """Places of the image [ranges, azimuths, heights, 3]; the ground is below the array."""
        distance, azimuth, height = _axes(self.scenario.image)
        height = height - self.scenario.array.height
        grid = np.meshgrid(distance, azimuth, height, indexing="ij")
        return np.stack([grid[0] * np.cos(grid[1]), grid[0] * np.sin(grid[1]), grid[2]], axis=-1)

    def summarise(self, results: Mapping[str, Arrays]) -> xr.Dataset:
        scenario, parts = self.scenario, list(results.values())
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
        text = "matched filter, largest over heights; 1 if all is the echo of one place"
        shown = ("target", "model", "range", "azimuth")
        dataset["image"] = (shown, image.max(axis=-1), {"long_name": text})
        dataset["center"] = (("target", "xyz"), np.stack([part["center"] for part in parts]))
        _add_peaks(scenario.image, dataset, image)
        for name in ("iterations", "residual"):
            dataset[name] = (("target", "frequency"), np.stack([part[name] for part in parts]))
        for i, part in enumerate(parts):
            voxel = (f"voxel{i}", "xyz")
            dataset[f"voxels{i}"] = (voxel, part["voxels"].astype(np.float32), {"units": "m"})
            dataset[f"part{i}"] = (voxel[0], part["part"])
            dataset.attrs[f"part_names{i}"] = " ".join(part["part_names"])
        for name, value in self._antennas.items():
            if name.endswith("position"):
                dataset[name] = ((name[:2], "xyz"), value, {"units": "m"})
        return dataset


def _axes(image: EchoImage) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Horizontal ranges [m], azimuths [rad], heights over the ground [m]."""
    return (
        np.linspace(*image.range_interval, image.num_ranges),
        np.radians(np.linspace(*image.azimuth_deg, image.num_azimuths)),
        np.linspace(*image.height_interval, image.num_heights),
    )


def _add_peaks(frame: EchoImage, dataset: xr.Dataset, image: np.ndarray) -> None:
    """Maxima of images, and their distance from the centre, in the horizontal plane."""
    distance, azimuth, height = _axes(frame)
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


def echo_map_report(scenario: EchoMapScenario, dataset: xr.Dataset) -> Iterator[str]:
    """Place of the peak of every image."""
    for target in dataset["target"].values:
        for model in dataset["model"].values:
            row = dataset.sel(target=target, model=model)
            yield (
                f"  {target}, {model}: peak {float(row['peak']):.2f} at "
                f"{float(row['peak_range']):.2f} m, {math.degrees(row['peak_azimuth']):.1f} deg, "
                f"{float(row['peak_error']):.2f} m from the centre"
            )
