"""Every figure of a result: what is drawn is the stored data, in the unit that the axis names."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from matplotlib.container import ErrorbarContainer
from scipy.constants import c

from sionna_isac import plots
from sionna_isac.plots import add_bound
from sionna_isac.plots.style import new_figure, words
from sionna_isac.study.registry import draw_result, get_kind, kind_names

RNG = np.random.default_rng(11)
METHODS = ["unknown", "learned", "known"]


def banded(dims, shape, low=0.1, high=1.0):
    """A variable with the ends of its interval, all different numbers."""
    value = RNG.uniform(low, high, shape)
    ends = value - RNG.uniform(0.01, 0.05, shape), value + RNG.uniform(0.01, 0.05, shape)
    return {end: (dims, v) for end, v in zip(("", "_low", "_high"), (value, *ends), strict=True)}


def spread(dims, shape, *names):
    return {f"{n}{end}": v for n in names for end, v in banded(dims, shape).items()}


def line(ax, text):
    (found,) = [x for x in ax.lines if x.get_label() == text]
    return found


def drawn(ax, text, x, y):
    """The line of that label goes through these points."""
    np.testing.assert_allclose(line(ax, text).get_xdata(), x)
    np.testing.assert_allclose(line(ax, text).get_ydata(), y)


def band(ax, number, x, low, high):
    """The corners of a band are the ends of the intervals."""
    corners = {tuple(p) for p in np.round(ax.collections[number].get_paths()[0].vertices, 9)}
    for end in (low, high):
        assert {tuple(p) for p in np.round(np.column_stack([x, end]), 9)} <= corners


def bars(ax, text, x, value, low, high):
    """Markers and the ends of the error bars of that label."""
    (found,) = [e for e in ax.containers if e.get_label() == text]
    assert isinstance(found, ErrorbarContainer)
    np.testing.assert_allclose(found[0].get_xydata(), np.column_stack([x, value]))
    segments = np.array(found[2][0].get_segments())
    np.testing.assert_allclose(segments[:, :, 1], np.column_stack([low, high]))


def labels(ax, x, y):
    assert (ax.get_xlabel(), ax.get_ylabel()) == (x, y)


def decibel(amplitude):
    return 20 * np.log10(amplitude)


def test_multi_target():
    p_fa = [0.01, 0.1, 0.3]
    data = xr.Dataset(
        spread(("approach", "p_fa"), (3, 3), "gospa", "p_d") | spread("approach", (3,), "ser"),
        coords={"approach": METHODS, "p_fa": p_fa},
    )
    truth = np.sort(RNG.uniform(0, 0.03, 8))
    places = truth + RNG.normal(0, 1e-3, (3, 8))
    data["element_positions"] = (("approach", "antenna"), places)
    data["true_element_positions"] = ("antenna", truth)
    data.attrs["scenario"] = json.dumps({"array": {"carrier_frequency": 60e9}})
    gospa, detection, position, errors = draw_result(data, "multi_target").axes
    for ax, name in ((gospa, "gospa"), (detection, "p_d")):
        assert ax.get_xscale() == "log" and ax.get_yscale() == "linear"
        for i, method in enumerate(METHODS):
            row = data.sel(approach=method)
            drawn(ax, words(method), p_fa, row[name])
            band(ax, i, p_fa, row[f"{name}_low"], row[f"{name}_high"])
    labels(gospa, "false-alarm probability", "GOSPA [m]")
    labels(detection, "false-alarm probability", "detection probability")
    labels(position, "element", "position error [wavelengths]")
    for i, method in enumerate(METHODS[:2]):
        error = (places[i] - truth) / (c / 60e9)
        drawn(position, words(method), np.arange(8), error - error.mean())
    np.testing.assert_allclose([p.get_height() for p in errors.patches], data.ser)
    ends = [s for e in errors.containers[::2] for s in e[2][0].get_segments()]
    np.testing.assert_allclose(
        np.array(ends)[:, :, 1], np.column_stack([data.ser_low, data.ser_high])
    )


def test_coded_ber():
    snr_db = [-5.0, 0.0, 5.0]
    data = xr.Dataset(
        spread(("approach", "snr_db"), (3, 3), "ber", "bler"),
        coords={"approach": METHODS, "snr_db": snr_db},
    )
    data["bit_errors"] = (("approach", "snr_db"), [[5, 4, 0], [9, 3, 2], [1, 1, 1]])
    data["blocks"] = (("approach", "snr_db"), np.full((3, 3), 96))
    axes = draw_result(data, "coded_ber").axes
    for ax, name, text in zip(axes, ("ber", "bler"), ("bit", "block"), strict=True):
        labels(ax, "SNR per resource element without beam gain [dB]", f"{text} error rate")
        assert ax.get_yscale() == "log" and ax.get_xscale() == "linear"
        for i, method in enumerate(METHODS):
            row = data.sel(approach=method)
            seen = row.bit_errors.values > 0
            drawn(ax, words(method), snr_db, np.where(seen, row[name], np.nan))
            x = np.array(snr_db)[seen]
            band(ax, i, x, row[f"{name}_low"][seen], row[f"{name}_high"][seen])


def test_sensing_rate(tmp_path):
    numbers, schemes, fadings = [0, 1, 4], ["16-QAM, rate 0.5", "64-QAM, rate 0.5"], ["block"]
    dims = ("placement", "num_sensing_tones", "snr_db", "fading")
    data = xr.Dataset(
        spread(dims, (1, 3, 2, 1), "mutual_information", "coded_rate")
        | spread((*dims, "scheme"), (1, 3, 2, 1, 2), "bler"),
        coords={
            **{"placement": ["uniform"], "num_sensing_tones": numbers, "snr_db": [5.0, 15.0]},
            **{"fading": fadings, "scheme": schemes},
        },
        attrs={"scenario": '{"confidence": 0.9}', "num_blocks": 7},
    )
    data["formula"] = (dims[1:3], RNG.uniform(1, 2, (3, 2)))
    data["published"] = (dims[1:3], [[np.nan, np.nan], [np.nan, 1.5], [np.nan, 1.2]])
    errors = RNG.integers(0, 2, data["bler"].shape)
    errors[:, :, 0] = 0  # a panel without any error
    data["block_errors"] = (data["bler"].dims, errors)
    figure = draw_result(data, "sensing_rate", tmp_path / "figure.png")
    assert "7 blocks" in figure.get_supxlabel() and "90 %" in figure.get_supxlabel()
    for (rates, blers), snr_db in zip(np.reshape(figure.axes, (2, 2)), (5.0, 15.0), strict=True):
        row = data.sel(placement="uniform", snr_db=snr_db, fading="block")
        labels(rates, "number of sensing tones", "rate over all tones [bit/s/Hz]")
        labels(blers, "number of sensing tones", "block error rate")
        assert blers.get_yscale() == "log" and rates.get_title().startswith(f"{snr_db:g} dB, ")
        drawn(rates, "formula (19)", numbers, row.formula)
        drawn(rates, "coded link, block fading", numbers, row.coded_rate)
        band(rates, -1, numbers, row.coded_rate_low, row.coded_rate_high)
        found = (row[f"mutual_information{end}"] for end in ("", "_low", "_high"))
        bars(rates, "Monte Carlo, block fading", numbers, *found)
        shown = [text.get_label() for text in rates.lines]
        assert ("published" in shown) == (snr_db == 15)
        for scheme in schemes:
            one = row.sel(scheme=scheme)
            drawn(blers, scheme, numbers, np.where(one.block_errors > 0, one.bler, np.nan))
    drawn(figure.axes[2], "published", numbers, [np.nan, 1.5, 1.2])


def test_reference_share(tmp_path):
    curve, names = ("reference", "snr_db"), ["all elements", "pilots alone"]
    snr_db = [-20.0, -10.0, 0.0]
    data = xr.Dataset(
        spread(curve, (2, 3), "range_rmse", "velocity_rmse", "wrong_cell"),
        coords={"reference": names, "snr_db": snr_db},
        attrs={"num_samples": 9},
    )
    for name in ("range", "velocity"):
        data[f"{name}_bound"] = (curve, RNG.uniform(0.01, 0.1, (2, 3)))
        data[f"{name}_offset"] = (f"{name}_offset", np.linspace(-50, 50, 5))
        ambiguity = (("reference", f"{name}_offset"), RNG.uniform(0.1, 1, (2, 5)))
        data[f"{name}_ambiguity"] = ambiguity
    data["rate"] = ("reference", [3.0, 2.0])
    data["element_share"] = ("reference", [1.0, 0.1])
    figure = draw_result(data, "reference_share", tmp_path / "figure.png")
    axes = np.reshape(figure.axes, (2, 3))
    snr = "SNR of an element at one antenna [dB]"
    for (errors, lobes), (name, unit) in zip(
        axes.T[:2], (("range", "m"), ("velocity", "m/s")), strict=True
    ):
        labels(errors, snr, f"RMSE of the {name} [{unit}]")
        labels(lobes, f"error of the {name} [{unit}]", "ambiguity function [dB]")
        for i, label in enumerate(names):
            row = data.sel(reference=label)
            found = (row[f"{name}_rmse{end}"] for end in ("", "_low", "_high"))
            bars(errors, label, snr_db, *found)
            dashed = [x for x in errors.lines if x.get_linestyle() == "--"]
            np.testing.assert_allclose(dashed[i].get_ydata(), row[f"{name}_bound"])
            drawn_level = lobes.lines[i].get_ydata()
            np.testing.assert_allclose(drawn_level, decibel(row[f"{name}_ambiguity"]))
    labels(axes[0, 2], snr, "share of estimates in a wrong cell")
    assert axes[1, 2].get_xlabel() == "rate of the user [bit/s/Hz]"
    assert [p.get_width() for p in axes[1, 2].patches] == [3.0, 2.0]
    assert "9 targets" in figure.legends[0].get_title().get_text()


def test_extended_target_beams(tmp_path):
    dims = ("design", "min_sinr_db", "scene")
    names, weighted = ("trace", "sum_rate"), ("rate_weight", "scene")
    data = xr.Dataset(
        {n: (dims, RNG.uniform(1, 2, (2, 3, 2))) for n in names}
        | {f"weighted_{n}": (weighted, RNG.uniform(1, 2, (2, 2))) for n in names},
        coords={"design": ["a", "b"], "min_sinr_db": [0.0, 3.0, 6.0]},
        attrs={"figure": "trade_off", "num_scenes": 2},
    )
    data["trace"][0, 1, 1] = np.nan  # out of reach: the scene counts for no design
    figure = draw_result(data, "extended_target_beams", tmp_path / "figure.png")
    left, right = figure.axes
    unit = "trace of the CRB [m$^2$ + rad$^2$]"
    labels(left, "SINR target of all users [dB]", unit)
    labels(right, "sum rate [bit/s/Hz]", unit)
    value = data["trace"].mean("scene").values
    value[:, 1] = data["trace"].values[:, 1, 0]
    for design, row in zip("ab", value, strict=True):
        drawn(left, design, [0.0, 3.0, 6.0], row)
    rate, trace = (data[f"weighted_{n}"].mean("scene") for n in ("sum_rate", "trace"))
    drawn(right, "weighted metric", rate, trace)
    assert "of 2," in figure.legends[0].get_title().get_text()


def test_extended_target_network(tmp_path):
    dims = ("network", "num_users", "scene")
    data = xr.Dataset(
        {"ratio": (dims, RNG.uniform(1, 2, (2, 2, 5))), "served": (dims, np.ones((2, 2, 5), bool))},
        coords={"network": ["a", "b"], "num_users": [1, 2]},
        attrs={"num_test": 5, "min_sinr_db": 10.0, "train_users": [1]},
    )
    data["served"][0, 1, :2] = False
    optimum = np.ones((2, 5))
    optimum[1, 0] = np.nan  # out of reach, whatever a network does
    data["optimum"] = (dims[1:], optimum)
    data["ratio"] = data["ratio"] / data["optimum"]
    sinr = RNG.uniform(9, 12, (2, 2, 5, 2))
    sinr[:, 0, :, 1] = np.nan
    data["sinr_db"] = ((*dims, "user"), sinr)
    figure = draw_result(data, "extended_target_network", tmp_path / "figure.png")
    first, second, third = figure.axes
    labels(first, "number of users (trained: 1)", "trace of the CRB over the optimum")
    labels(second, "number of users (trained: 1)", "scenes with all SINRs met [%]")
    labels(third, "SINR of a user [dB]", "share of users below")
    logarithm = np.log(data["ratio"].values)
    drawn(first, "a", [1, 2], np.exp(np.nanmean(logarithm[0], -1)))
    drawn(second, "a", [1, 2], [100, 75])
    drawn(third, "1 users", np.sort(sinr[0, 0, :, 0]), np.arange(1, 6) / 5)


def test_extended_target_bound(tmp_path):
    dims = ("body", "elevation_deg", "range")
    units = {"range": "m", "azimuth": "deg", "elevation": "deg", "orientation": "deg"}
    data = xr.Dataset(
        {f"{name}_bound": (dims, RNG.uniform(1, 2, (2, 2, 3))) for name in units},
        coords={"body": ["drone", "point"], "elevation_deg": [0.0, 20.0], "range": [5, 9, 30.0]},
    )
    figure = draw_result(data, "extended_target_bound", tmp_path / "figure.png")
    for ax, (name, unit) in zip(figure.axes, units.items(), strict=True):
        labels(ax, "range of the centre [m]", f"root CRB of the {name} [{unit}]")
        for line, place in zip(ax.lines, np.ndindex(2, 2), strict=True):
            np.testing.assert_allclose(line.get_ydata(), data[f"{name}_bound"].values[place])
            assert line.get_linestyle() == ("-", "--")[place[1]]
    texts = [text.get_text() for text in figure.legends[0].texts]
    assert texts == ["drone", "point", "elevation 0°", "elevation 20°"]


def test_extended_target_estimation(tmp_path):
    units = {"range": "m", "azimuth": "deg", "elevation": "deg", "orientation": "deg"}
    estimators = ["maximum likelihood", "maximum likelihood, started at the truth"]
    estimators.append("maximum likelihood of a point")
    curve, level = ("design", "estimator", "snr_db"), [-20.0, 0.0, 10.0]
    data = xr.Dataset(
        spread(curve, (2, 3, 3), *(f"{name}_rmse" for name in units))
        | {
            f"{name}_{end}": (("design", "snr_db"), RNG.uniform(1, 2, (2, 3)))
            for name in units
            for end in ("bound", "resolved_bound")
        },
        coords={"design": ["a", "b"], "estimator": estimators, "snr_db": level},
        attrs={"num_samples": 7},
    )
    data["range_rmse_low"][0, 0, 0] = 0  # has no place on a logarithmic axis
    figure = draw_result(data, "extended_target_estimation", tmp_path / "figure.png")
    for ax, (name, unit) in zip(figure.axes, units.items(), strict=True):
        labels(ax, "SNR of the echo [dB]", f"RMSE of the {name} [{unit}]")
        for design in "ab":
            row = data.sel(design=design)
            drawn(ax, f"{design}: root of the mean CRB", level, row[f"{name}_bound"])
            shown = estimators if design == "a" else estimators[:1]
            for estimator in shown:
                value, low, high = (
                    row[f"{name}_rmse{end}"].sel(estimator=estimator).values
                    for end in ("", "_low", "_high")
                )
                low = np.where(low > 0, low, value)
                bars(ax, f"{design}: {estimator}", level, value, low, high)
    assert "7 echoes a point" in figure.legends[0].get_title().get_text()


def learning_result(etas, phis):
    dims = ("draw", "approach", "eta", "phi", "p_fa")
    shape = (2, 2, len(etas), len(phis), 2)
    data = xr.Dataset(
        spread(dims, shape, "gospa", "p_d", "angle_rmse", "range_rmse")
        | spread(dims[:-1], shape[:-1], "ser"),
        coords={"approach": ["a", "b"], "eta": etas, "phi": phis, "p_fa": [0.01, 0.1]},
    )
    data.attrs["scenario"] = json.dumps({"evaluation": {"operating_p_fa": 0.1}})
    return data


NAMES = {
    "gospa": "GOSPA [m]",
    "p_d": "misdetection probability",
    "angle_rmse": "angle RMSE [deg]",
    "range_rmse": "range RMSE [m]",
}


def shown(row, name):
    """Mean over the draws, and the outer ends, as the figure shows them."""
    value, low, high = (row[f"{name}{end}"] for end in ("", "_low", "_high"))
    if name == "p_d":
        value, low, high = 1 - value, 1 - high, 1 - low
    if name == "angle_rmse":
        value, low, high = (v * 180 / np.pi for v in (value, low, high))
    return value.mean("draw"), low.min("draw"), high.max("draw")


@pytest.mark.parametrize("kind", ["learning", "single_carrier"])
def test_learning_over_the_threshold(kind):
    data = learning_result([0.5], [0.0])
    axes = draw_result(data, kind).axes
    for ax, name in zip(axes, ("gospa", "p_d", "angle_rmse", "range_rmse"), strict=True):
        labels(ax, "false-alarm probability", NAMES[name])
        for approach in ("a", "b"):
            row = data.sel(approach=approach).isel(eta=0, phi=0)
            bars(ax, approach, data.p_fa, *shown(row, name))


def test_learning_of_moving_targets():
    data = learning_result([0.5], [0.0])
    data = data.assign(spread(data["gospa"].dims, data["gospa"].shape, "velocity_rmse"))
    axes = draw_result(data, "learning").axes
    assert len(axes) == 5
    labels(axes[-1], "false-alarm probability", "velocity RMSE [m/s]")
    row = data.sel(approach="b").isel(eta=0, phi=0)
    bars(axes[-1], "b", data.p_fa, *shown(row, "velocity_rmse"))


def test_learning_over_the_beam():
    data = learning_result([0.2, 0.5, 1.0], [0.0, 1.0])
    axes = draw_result(data, "learning").axes
    for ax, name in zip(axes, ("p_d", "angle_rmse", "range_rmse", "gospa"), strict=True):
        labels(ax, "symbol error rate", NAMES[name])
        assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
        dots = [x for x in ax.lines if x.get_marker() == "."]
        for approach, others in zip(("a", "b"), dots, strict=True):
            row = data.sel(approach=approach, p_fa=0.1)
            ser = row.ser.mean("draw")
            bars(ax, approach, ser.isel(phi=0), *shown(row.isel(phi=0), name))
            np.testing.assert_allclose(others.get_xdata(), ser.values.ravel())
            np.testing.assert_allclose(others.get_ydata(), shown(row, name)[0].values.ravel())


@pytest.mark.parametrize("dimension", ["snr_db", "power_dbm"])
def test_localization(dimension):
    levels = np.array([0.0, 10.0, 20.0])
    data = xr.Dataset(
        spread(("receiver", dimension), (2, 3), *(f"{n}_rmse" for n in NOUNS)),
        coords={"receiver": ["MUSIC", "OMP"], dimension: levels},
    )
    for name in NOUNS:
        data[f"{name}_bound"] = (dimension, RNG.uniform(0.01, 0.1, 3))
    texts = {
        "snr_db": "SNR at the array without beam gain [dB]",
        "power_dbm": "transmit power [dBm]",
    }
    for ax, (name, (unit, scale)) in zip(
        draw_result(data, "localization").axes, NOUNS.items(), strict=True
    ):
        labels(ax, texts[dimension], f"RMSE of the {name} [{unit}]")
        for i, receiver in enumerate(data.receiver.values):
            row = data.sel(receiver=receiver)
            value, low, high = (scale * row[f"{name}_rmse{e}"] for e in ("", "_low", "_high"))
            drawn(ax, receiver, levels, value)
            band(ax, i, levels, low, high)
        drawn(ax, "Cramér-Rao bound", levels, scale * data[f"{name}_bound"])


NOUNS = {"angle": ("deg", 180 / np.pi), "range": ("m", 1), "position": ("m", 1)}


def test_add_bound():
    ax = new_figure(1, 1, "")[1][0, 0]
    add_bound(ax, [1, 2], [0.3, 0.2], label="bound")
    drawn(ax, "bound", [1, 2], [0.3, 0.2])


@pytest.mark.parametrize("metric, music", [("peb", False), ("sum_rate", False), ("peb", True)])
def test_near_field(metric, music):
    power = [10.0, 20.0, 30.0]
    designs = [
        {"design": "minimize_speb", "num_rf_chains": None, "num_channels": None},
        {"design": "two_stage", "num_rf_chains": 4, "num_channels": None},
    ]
    scenario = {
        "sweep": {"parameter": "power_dbm"},
        "metric": metric,
        "designs": designs,
        "num_channels": 5,
    }
    cell, texts = ("design", "power_dbm"), ["digital", "two stages"]
    data = xr.Dataset(
        {
            f"{m}_{end}": (cell, RNG.uniform(0.1, 1, (2, 3)))
            for m in ("peb", "sum_rate")
            for end in ("mean", "low", "high")
        }
        | {"peb_rms": (cell, RNG.uniform(0.1, 1, (2, 3)))}
        | {"num_averaged": (cell, np.full((2, 3), 5))}
        | (spread(cell, (2, 3), "rmse") if music else {}),
        coords={"design": texts, "power_dbm": power},
        attrs={"scenario": json.dumps(scenario)},
    )
    (ax,) = draw_result(data, "near_field").axes
    names = {"peb": "position error bound [m]", "sum_rate": "sum rate [bit/s/Hz]"}
    labels(ax, "transmit power [dBm]", "position error [m]" if music else names[metric])
    assert ax.get_yscale() == ("log" if metric == "peb" else "linear")
    for i, text in enumerate(texts):
        row = data.isel(design=i)
        if music:
            bars(ax, text, power, row.rmse, row.rmse_low, row.rmse_high)
            plain = next(x for x in ax.lines if x.get_ls() == ("-", "--")[i])
            np.testing.assert_allclose(plain.get_ydata(), row.peb_rms)
            continue
        drawn(ax, text, power, row[f"{metric}_mean"])
        if metric == "peb":
            band(ax, i, power, row.peb_low, row.peb_high)


@pytest.mark.parametrize("algorithm", ["sdr-bcd", "sca-bcd"])
def test_near_field_convergence(algorithm):
    cell = ("num_rf_chains", "draw")
    history = RNG.uniform(0.1, 1, (2, 3, 4))
    history[0, 1, 2:] = np.nan  # stopped early
    history[1, 2] = np.nan  # failed
    published = RNG.uniform(0.1, 1, (2, 3))
    published[1, 2] = np.nan
    data = xr.Dataset(
        {"history": ((*cell, "iteration"), history), "published": (cell, published)}
        | {name: (cell, RNG.uniform(0.1, 1, (2, 3))) for name in ("direct", "digital")},
        coords={"num_rf_chains": [2, 4]},
        attrs={"scenario": json.dumps({"algorithm": algorithm}), "num_failed": 1},
    )
    (ax,) = draw_result(data, "near_field_convergence").axes
    peb = algorithm == "sdr-bcd"
    labels(ax, "iteration", "position error bound [m]" if peb else "sum rate [bit/s/Hz]")
    for i, chains in enumerate((2, 4)):
        kept = history[i, :2].copy()
        if i == 0:
            kept[1, 2:] = kept[1, 1]
        drawn(ax, f"{algorithm}, {chains} chains", np.arange(4), kept.mean(0))
        level = line(ax, f"direct method, {chains} chains").get_ydata()
        np.testing.assert_allclose(level, data.direct.values[i, :2].mean())
    np.testing.assert_allclose(
        line(ax, "fully digital").get_ydata(), data.digital.values[0, :2].mean()
    )
    single = [x.get_ydata() for x in ax.lines if x.get_alpha() == 0.4]
    np.testing.assert_array_equal(single, history.reshape(6, 4))


def test_scattering_sphere():
    size, fine, angle = [0.5, 1.0], np.linspace(0.5, 1, 5), np.linspace(0, np.pi, 25)
    planes, grids = ["E plane", "H plane"], ["coarse", "fine"]
    data = xr.Dataset(
        {
            "monostatic": (("grid", "size_parameter"), RNG.uniform(0.1, 3, (2, 2))),
            "monostatic_mie_fine": ("fine_size_parameter", RNG.uniform(0.1, 3, 5)),
            "error_mean": (("grid", "size_parameter"), RNG.uniform(0.01, 0.1, (2, 2))),
            "bistatic": (("grid", "plane", "angle"), RNG.uniform(0.1, 3, (2, 2, 25))),
            "bistatic_mie": (("plane", "angle"), RNG.uniform(0.1, 3, (2, 25))),
            "bistatic_error": ("grid", [0.01, 0.002]),
        },
        coords={
            "grid": grids,
            "size_parameter": size,
            "fine_size_parameter": fine,
            "plane": planes,
            "angle": angle,
        },
        attrs={"scenario": json.dumps({"bistatic_size_parameter": 1.0})},
    )
    back, e_plane, error, h_plane = draw_result(data, "scattering_sphere").axes
    ratio = r"$\sigma/(\pi a^2)$ [dB]"
    labels(back, "size parameter $ka$", ratio)
    labels(error, "size parameter $ka$", "error [%]")
    # cross sections are powers
    drawn(back, "Mie series", fine, 10 * np.log10(data.monostatic_mie_fine))
    for i, grid in enumerate(grids):
        row = data.sel(grid=grid)
        drawn(back, grid, size, 10 * np.log10(row.monostatic))
        np.testing.assert_allclose(error.lines[i].get_ydata(), 100 * row.error_mean)
        for ax, plane in ((e_plane, "E plane"), (h_plane, "H plane")):
            labels(ax, "scattering angle [deg]", ratio)
            drawn(
                ax,
                "Mie series",
                np.degrees(angle),
                10 * np.log10(data.bistatic_mie.sel(plane=plane)),
            )
            text = f"{grid}: {100 * float(row.bistatic_error):.2g} %"
            drawn(ax, text, np.degrees(angle), 10 * np.log10(row.bistatic.sel(plane=plane)))


def test_scattering_convergence_of_spheres():
    x = np.array([5.0, 10.0, 20.0])
    cases = ["sphere: point", "sphere: filtered", "metal: point"]
    data = xr.Dataset(
        {
            "error": (("case", "voxels_per_wavelength"), RNG.uniform(0.01, 0.5, (3, 3))),
            "order": ("case", [1.0, 1.5, 2.0]),
            "fit_level": ("case", [0.1, 0.2, 0.3]),
        },
        coords={"case": cases, "voxels_per_wavelength": x},
    )
    axes = draw_result(data, "scattering_convergence").axes
    assert axes[0].get_ylabel() == "error of the dyads [%]"
    for i, case in enumerate(cases):
        ax, row = axes[case.startswith("metal")], data.isel(case=i)
        assert ax.get_xlabel() == "voxels a wavelength of free space"
        text = f"{case.split(': ')[1]}: order {float(row.order):.1f}"
        drawn(ax, text, x, 100 * row.error)
        fits = [v.get_ydata() for v in ax.lines if v.get_ls() == ":"]
        fit = 100 * np.exp(float(row.fit_level)) * x ** -float(row.order)
        assert any(np.allclose(f, fit) for f in fits)


def test_scattering_convergence_of_vehicles():
    size = np.array([0.1, 0.05, 0.02])
    shape = (("case", "voxel_size"), RNG.uniform(0.1, 1, (2, 3)))
    data = xr.Dataset(
        {
            "change_next": shape,
            "change_finest": (shape[0], RNG.uniform(0.1, 1, (2, 3))),
            "level": (shape[0], RNG.uniform(-90, -80, (2, 3))),
        },
        coords={"case": ["car", "motorbike"], "voxel_size": size},
    )
    change, level = draw_result(data, "scattering_convergence").axes
    labels(change, "voxel [cm]", "change of the channel [%]")
    labels(level, "voxel [cm]", "RMS of the channel [dB]")
    for case in data.case.values:
        row = data.sel(case=case)
        drawn(change, f"{case}, to the next finer", 100 * size, 100 * row.change_next)
        drawn(change, f"{case}, to the finest", 100 * size[1:], 100 * row.change_finest[1:])
        drawn(level, case, 100 * size, row.level)


def test_dataset_overview():
    number = 12
    data = xr.Dataset(
        {
            "range": ("sample", RNG.uniform(10, 50, number)),
            "azimuth": ("sample", RNG.uniform(-1, 1, number)),
            "rms": ("sample", 10 ** RNG.uniform(-6, -4, number)),
            "category": ("sample", np.array(["car", "motorbike"] * 6)),
            "split": ("sample", np.array(["train", "train", "test"] * 4)),
            "example_magnitude": (("rx", "tx"), RNG.uniform(0.1, 1, (3, 4))),
        },
        attrs={"categories": ["motorbike", "car"]},
    )
    plane, strength, example, bar = draw_result(data, "dataset").axes
    labels(plane, "y [m]", "x [m]")
    labels(strength, "range [m]", "RMS [dB]")
    assert plane.xaxis_inverted() and bar.get_ylabel() == "dB"
    x, y = data.range * np.cos(data.azimuth), data.range * np.sin(data.azimuth)
    for ax, expected in ((plane, (y, x)), (strength, (data.range, decibel(data.rms)))):
        points = np.concatenate([p.get_offsets() for p in ax.collections])
        order = np.argsort(points[:, 0])
        expected = np.column_stack(expected)
        np.testing.assert_allclose(points[order], expected[np.argsort(expected[:, 0])])
    magnitude = data.example_magnitude.values
    np.testing.assert_allclose(example.images[0].get_array(), decibel(magnitude / magnitude.max()))


def test_angle_delay_map():
    angle, distance = np.linspace(-np.pi / 2, np.pi / 2, 30), np.linspace(10, 190, 20)
    conditions = ["ideal", "impaired"]
    scenes = {"sector_deg": [-40, -20], "drawn": 1, "num_targets": 2}
    cell = ("scene", "condition", "target")
    values = RNG.uniform(0.001, 1, (2, 30, 20))
    shares = ("found_share", "farthest_found", "pair_found", "all_found")
    data = xr.Dataset(
        {
            "angle_delay_map": (("condition", "grid_angle", "grid_range"), values),
            "sample_true_angle": (("scene", "target"), RNG.uniform(-0.6, -0.4, (3, 2))),
            "sample_true_range": (("scene", "target"), RNG.uniform(20, 150, (3, 2))),
            "sample_angle": (cell, RNG.uniform(-0.6, -0.4, (3, 2, 2))),
            "sample_range": (cell, RNG.uniform(20, 150, (3, 2, 2))),
            "sample_found": (cell, RNG.integers(0, 2, (3, 2, 2))),
        }
        | spread("condition", (2,), *shares),
        coords={"condition": conditions, "grid_angle": angle, "grid_range": distance},
        attrs={"scenario": json.dumps({"scenes": scenes})},
    )
    figure = draw_result(data, "angle_delay_map")
    ideal, course, impaired, share = figure.axes[:4]
    labels(course, "angle [deg]", "largest over ranges [dB]")
    assert figure.axes[4].get_ylabel() == "dB of the largest value of the ideal map"
    for i, (ax, condition) in enumerate(zip((ideal, impaired), conditions, strict=True)):
        labels(ax, "angle [deg]", "range [m]")
        mesh = ax.collections[0]
        np.testing.assert_allclose(mesh.get_array().reshape(20, 30), decibel(values[i].T))
        assert mesh.get_clim() == (-30, 0)
        low, high = mesh.get_coordinates()[0, :, 0][[0, -1]]
        step = np.rad2deg(angle[1] - angle[0])
        np.testing.assert_allclose((low, high), (-90 - step / 2, 90 + step / 2))
        scene = data.isel(scene=1)
        np.testing.assert_allclose(
            ax.lines[0].get_xydata(),
            np.column_stack([np.rad2deg(scene.sample_true_angle), scene.sample_true_range]),
        )
        estimate = scene.sel(condition=condition)
        np.testing.assert_allclose(
            ax.lines[1].get_xydata(),
            np.column_stack([np.rad2deg(estimate.sample_angle), estimate.sample_range]),
        )
        drawn(course, condition, np.rad2deg(angle), decibel(values[i]).max(-1))
        row = data.sel(condition=condition)
        heights = [p.get_height() for p in share.patches[4 * i : 4 * i + 4]]
        np.testing.assert_allclose(heights, [float(row[n]) for n in shares])
    assert share.get_ylabel() == "share found within a resolution cell"
    ends = [e[2][0].get_segments() for e in share.containers if isinstance(e, ErrorbarContainer)]
    for i, condition in enumerate(conditions):
        row = data.sel(condition=condition)
        expected = [(float(row[f"{n}_low"]), float(row[f"{n}_high"])) for n in shares]
        np.testing.assert_allclose(np.array(ends[i])[:, :, 1], expected)


def test_echo_map():
    distance, azimuth = np.linspace(8, 12, 6), np.linspace(-0.3, 0.3, 5)
    pair, model = ("target", "model"), ["point", "extended"]
    channel = RNG.normal(size=(2, 1, 2, 4, 3, 5))
    data = xr.Dataset(
        {
            "image": ((*pair, "range", "azimuth"), RNG.uniform(0.05, 0.9, (1, 2, 6, 5))),
            "center": (("target", "xyz"), [[10.0, 1.0, -1.0]]),
            **{n: (pair, RNG.uniform(0.1, 0.3, (1, 2))) for n in ("peak_azimuth", "peak_error")},
            "peak_range": (pair, RNG.uniform(9, 11, (1, 2))),
            "peak": (pair, RNG.uniform(0.1, 0.9, (1, 2))),
            "channel_real": ((*pair, "frequency", "rx", "tx"), channel[0]),
            "channel_imag": ((*pair, "frequency", "rx", "tx"), channel[1]),
            "tx_position": (("tx", "xyz"), RNG.normal(size=(5, 3))),
            "rx_position": (("rx", "xyz"), RNG.normal(size=(3, 3))),
            "voxels0": (("voxel0", "xyz"), np.add([10, 1, -1], RNG.uniform(-1, 1, (20, 3)))),
            "part0": ("voxel0", np.zeros(20, int)),
        },
        coords={"target": ["car"], "model": model, "range": distance, "azimuth": azimuth},
        attrs={
            "scenario": json.dumps({"solver": {"voxel_size": 0.1}, "array": {"height": 1.5}}),
            "part_names0": "body",
        },
    )
    axes = draw_result(data, "echo_map").axes
    images = [ax for ax in axes if ax.get_title().startswith(("point", "extended"))]
    for ax, name in zip(images, model, strict=True):
        row = data.isel(target=0).sel(model=name)
        labels(ax, "y [m]", "x [m]")
        mesh = ax.collections[0]
        image = row.image.values
        np.testing.assert_allclose(mesh.get_array().reshape(6, 5), decibel(image / image.max()))
        assert mesh.get_clim() == (-25, 0)
        star, cross = (next(x for x in ax.lines if x.get_marker() == m) for m in "*x")
        np.testing.assert_allclose(star.get_xydata(), [[1, 10]])
        peak, angle = float(row.peak_range), float(row.peak_azimuth)
        np.testing.assert_allclose(
            cross.get_xydata(), [[peak * np.sin(angle), peak * np.cos(angle)]]
        )
        assert f"{float(row.peak_error):.2f} m" in ax.get_title()
    size = np.hypot(*channel)[0, 1]
    level = decibel(size / np.sqrt(np.mean(size**2)))
    tones, carriers = (ax for ax in axes if ax.get_title().startswith("magnitude"))
    labels(tones, "transmitter (y)", "receiver (z)")
    labels(carriers, "transmitter (y)", "subcarrier")
    np.testing.assert_allclose(tones.images[0].get_array(), level[2])
    np.testing.assert_allclose(carriers.images[0].get_array(), level[:, 1])
    bars_ = {ax.get_ylabel() for ax in axes}
    assert {"dB of the highest", "dB of the RMS"} <= bars_


def test_every_figure_is_tested_here():
    """A new figure must not go without: each public one has a test with its name in it."""
    tests = "".join(p.read_text() for p in Path(__file__).parent.glob("test_*.py"))
    here = set(re.findall(r"^def (test_\w+)", tests, re.M))
    drawn = [get_kind(kind).draw.args[0].rpartition(":")[2] for kind in kind_names()]
    for name in {*drawn, *plots.__all__} - {"show_target"}:
        assert any(test.startswith(f"test_{name}") for test in here), name


def test_cross_task(tmp_path):
    dims, receivers = ("receiver", "placement", "value", "seed"), ["matched filter", "network"]
    shape = (2, 2, 1, 3)
    metrics = ("accuracy", "range_mae", "azimuth_mae", "planar_mae", "success_rate")
    data = xr.Dataset(
        {name: (dims, RNG.uniform(0.1, 1, shape)) for name in metrics}
        | {f"published_{name}": (dims[::2], RNG.uniform(0.1, 1, (2, 1))) for name in metrics},
        coords={"receiver": receivers, "placement": ["uniform", "placed"], "value": [0.0]},
        attrs={"figure": "table", "num_samples": 20, "title": "receivers"},
    )
    figure = draw_result(data, "cross_task", tmp_path / "figure.png")
    assert len(figure.axes) == len(metrics)
    for ax, name in zip(figure.axes, metrics, strict=True):
        scale = 100 if name in ("accuracy", "success_rate") else 1
        found = [c for c in ax.containers if isinstance(c, ErrorbarContainer)]
        for placement, bars_of in zip(["uniform", "placed"], found, strict=True):
            mean = scale * data[name].sel(placement=placement).mean("seed").squeeze()
            np.testing.assert_allclose(bars_of.lines[0].get_xdata(), mean)
        printed = [x for x in ax.lines if x.get_marker() == "D"]
        np.testing.assert_allclose(
            printed[0].get_xdata(), scale * data[f"published_{name}"].squeeze()
        )
        assert ax.get_xlabel().endswith("]")
    assert [t.get_text() for t in figure.axes[0].get_yticklabels()] == receivers
