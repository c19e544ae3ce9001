"""Tables of the pages on [MateosRamos23], and the small results in ``tests/data`` that they show.

``python -m tests.tools.single_carrier_pages NAME RESULT.nc`` stores a small copy of a result and
prints its tables; ``NAME`` is that of the scenario, without ``single_carrier_``.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import xarray as xr

from sionna_isac.studies._isac.claims import judge
from sionna_isac.study import load_scenario

DATA = Path(__file__).parents[1] / "data" / "single_carrier"
THINNED = 50  # losses of the trainings are stored as means of so many


def thin(dataset: xr.Dataset) -> xr.Dataset:
    """Result with means of losses, whose flatness is that of the losses, to the same digits."""
    small = dataset.drop_vars([n for n in dataset if str(n).startswith("history_")])
    small.attrs.pop("platform", None)
    for name, course in dataset.data_vars.items():
        if str(name).startswith("history_"):
            step = 1 if course.shape[-1] < 5000 else THINNED
            means = course.values.reshape(course.shape[0], -1, step).mean(-1)
            small[name] = (course.dims, means.astype("float32"))
    return small


def stored(name: str) -> xr.Dataset:
    """Small copy of the result of a scenario."""
    return xr.load_dataset(DATA / f"{name}.nc", engine="h5netcdf")


def scores(dataset: xr.Dataset) -> Iterator[str]:
    """Scores of all approaches and weights of sensing in the first draw."""
    row = dataset.isel(draw=0, phi=0, p_fa=0)
    yield "| approach | $\\omega_r$ | misdetection | angle RMSE [deg] | SER |"
    yield "| --- | --- | --- | --- | --- |"
    for name in row["approach"].values:
        for eta in row["eta"].values:
            at = row.sel(approach=name, eta=eta)
            missed = [1 - float(at[f"p_d{end}"]) for end in ("", "_high", "_low")]
            angle, ser = (
                [float(at[f"{n}{end}"]) for end in ("", "_low", "_high")]
                for n in ("angle_rmse", "ser")
            )
            form = ".3f" if ser[0] > 0.1 else ".1e"
            cells = (_cell(missed, ".3f"), _cell(np.rad2deg(angle), ".2f"), _cell(ser, form))
            yield f"| `{name}` | {eta:g} | {' | '.join(cells)} |"


def _cell(values: object, form: str) -> str:
    value, low, high = (format(v, form) for v in values)  # type: ignore[attr-defined]
    return f"{value} [{low}, {high}]"


def verdicts(name: str, dataset: xr.Dataset, profile: str | None = None) -> Iterator[str]:
    """Verdicts on the claims of a scenario, one row for each claim and metric."""
    scenario = load_scenario(f"single_carrier_{name}", profile=profile)
    words = {"p_md": "misdetection", "angle_rmse": "angle", "ser": "SER"}
    yield "| claim | at | score | verdict |"
    yield "| --- | --- | --- | --- |"
    for v in judge(scenario, dataset):
        sign = "as good as" if v.alike else "better than"
        at = "SER 4e-3" if v.ser == 4e-3 else f"$\\omega_r$ = {v.eta or scenario.beam[0]:g}"
        counted = f", {v.met} of {v.draws} draws" if v.draws > 1 else ""
        outcome = f"undecided: {', '.join(v.reasons)}" if v.undecided else v.outcome + counted
        yield f"| `{v.better}` {sign} `{v.worse}` | {at} | {words[v.metric]} | {outcome} |"


def ratios(dataset: xr.Dataset) -> xr.DataArray:
    """Angle error with the ideal array over that with the true one, for each draw."""
    angle = dataset["angle_rmse"].isel(eta=0, phi=0, p_fa=0)
    return angle.sel(approach="baseline", drop=True) / angle.sel(approach="known", drop=True)


def draw_at(quantile: float, dataset: xr.Dataset) -> int:
    """Number of the draw at a quantile of the ratio of angle errors."""
    ratio = ratios(dataset)
    value = np.quantile(ratio.values, quantile, method="nearest")
    return int(ratio["draw"][np.flatnonzero(ratio.values == value)[0]])


def spread(dataset: xr.Dataset, ordering: str) -> str:
    """Row of the table of draws: shares and medians of angle errors and misdetections."""
    ratio = ratios(dataset).values
    row = dataset.isel(eta=0, phi=0, p_fa=0)
    middle = {
        n: (
            np.rad2deg(float(row.angle_rmse.sel(approach=n).median())),
            1 - float(row.p_d.sel(approach=n).median()),
        )
        for n in ("baseline", "known")
    }
    return (
        f"| {ordering} | {np.mean(ratio > 1.5):.0%} | {np.median(ratio):.2f} "
        f"| {middle['baseline'][0]:.2f} | {middle['known'][0]:.2f} "
        f"| {middle['baseline'][1]:.3f} | {middle['known'][1]:.3f} "
        f"| {draw_at(0.75, dataset)} ({np.quantile(ratio, 0.75, method='nearest'):.2f}) |"
    )


def main(name: str, result: str) -> None:
    dataset = xr.load_dataset(result, engine="h5netcdf")
    DATA.mkdir(exist_ok=True)
    thin(dataset).to_netcdf(DATA / f"{name}.nc", engine="h5netcdf")
    for line in scores(stored(name)):
        print(line)
    base, _, profile = name.partition("_draws_")
    for line in verdicts(base + "_draws" if profile else base, stored(name), profile or None):
        print(line)


if __name__ == "__main__":
    main(*sys.argv[1:])
