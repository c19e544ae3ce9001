"""Figure of a data set of channels."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from sionna_isac.plots.style import new_figure

__all__ = ["dataset_overview"]

_COLOURS = ("#c44e52", "#4c72b0")
_MARKERS = {"train": "o", "validation": "^", "test": "s"}


def dataset_overview(dataset: xr.Dataset) -> Figure:
    """Positions of the targets, strength over range, and the channel of one sample.

    Parameters
    ----------
    dataset : `xarray.Dataset`
        Labels of all samples and the magnitude of one channel

    Output
    ------
    : `matplotlib.figure.Figure`
        Figure with three panels
    """
    figure, axes = new_figure(1, 3, str(dataset.attrs.get("title", "")))
    plane, strength, example = axes[0]
    distance, azimuth = dataset["range"].values, dataset["azimuth"].values
    level = 20 * np.log10(dataset["rms"].values)
    for colour, category in zip(_COLOURS, dataset.attrs["categories"], strict=False):
        for split, marker in _MARKERS.items():
            of = (dataset["category"].values == category) & (dataset["split"].values == split)
            look = {"c": colour, "marker": marker, "s": 12, "alpha": 0.7, "lw": 0}
            x, y = distance[of] * np.cos(azimuth[of]), distance[of] * np.sin(azimuth[of])
            plane.scatter(y, x, label=f"{category}, {split}", **look)
            strength.scatter(distance[of], level[of], **look)
    plane.plot(0, 0, "k+", ms=8)
    plane.invert_xaxis()  # positive azimuth is to the left when looking along x
    plane.set_aspect("equal")
    plane.set(xlabel="y [m]", ylabel="x [m]", title="centres of the targets")
    plane.legend(fontsize=6)
    strength.set(
        xscale="log", xlabel="range [m]", ylabel="RMS [dB]", title="strength of the channel"
    )
    magnitude = dataset["example_magnitude"].values
    decibel = 20 * np.log10(magnitude / magnitude.max())
    image = example.imshow(decibel, origin="lower", aspect="auto")
    example.grid(False)
    example.set(
        xlabel="transmitter (y)", ylabel="receiver (z)", title="magnitude of the first sample"
    )
    figure.colorbar(image, ax=example, label="dB")
    return figure
