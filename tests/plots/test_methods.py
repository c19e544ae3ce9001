"""One look and one text for each method, in every figure; marks beside the curves; files."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
import xarray as xr
from matplotlib.colors import to_rgb

from sionna_isac.plots import show_curve
from sionna_isac.plots.marks import PRINTED, fit_axis, number_points, open_below
from sionna_isac.plots.style import METHODS, look, new_figure, plain_ticks, words
from sionna_isac.studies.cross_task.published import RECEIVERS
from sionna_isac.studies.extended_target_beams.scenario import DESIGNS, WEIGHTED
from sionna_isac.study.loading import find_scenarios, list_profiles, load_scenario
from sionna_isac.study.registry import draw_result, save_figure

RNG = np.random.default_rng(4)
ESTIMATORS = ["map, interpolated", "maximum likelihood"]  # of moving targets


def axes():
    return new_figure(1, 1, "")[1][0, 0]


WITHOUT = {  # kinds with figures that compare no methods; of cross_task, some
    "cross_task",
    "dataset",
    "echo_map",
    "extended_target_bound",
    "near_field_convergence",
    "reference_share",
    "scattering_convergence",
    "scattering_sphere",
    "sensing_rate",
}


def methods_of(scenario):
    """Names of the methods that a figure of the scenario draws."""
    kind = scenario.kind
    if kind in ("multi_target", "coded_ber"):
        return ["unknown", "learned", "known"]
    if kind == "angle_delay_map":
        return ["ideal", "impaired"]
    if kind in ("learning", "single_carrier"):
        return list(scenario.approaches)
    if kind == "localization":
        return [r.label for r in scenario.receivers]
    if kind == "range_doppler":
        return [f"CFAR {k}" for k in scenario.detection.kinds] + ESTIMATORS
    if kind == "near_field":
        return list(dict.fromkeys(d.design for d in scenario.designs))
    if kind in ("extended_target_beams", "extended_target_estimation"):
        return [*(DESIGNS[d] for d in scenario.designs), WEIGHTED]
    if kind == "extended_target_network":
        if scenario.figure == "penalty":  # one curve over the weights
            return [graph.name for graph in scenario.networks]
        return [row[0].name for row in scenario.trainings]
    if kind == "cross_task" and scenario.figure in ("gain", "curves", "trade_off"):
        return [r.label for r in scenario.receivers]
    assert kind in WITHOUT, f"methods_of does not know which methods '{kind}' draws"
    return []


def base_of(method):
    """Entry of the table that a method or a variant of one has."""
    found = [n for n in METHODS if method == n or method.startswith((f"{n}, ", f"{n}_"))]
    assert found, f"plots.style.METHODS has no entry for '{method}'"
    return max(found, key=len)


def seen(colour, kind):
    """Colour in the perception of Lab, as red- or green-blind eyes or a grey print show it."""
    # Machado et al., 2009, full severity
    matrix = {
        "full": np.eye(3),
        "red-blind": [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ],
        "green-blind": [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ],
    }[kind]
    rgb = np.array(to_rgb(colour))
    linear = np.where(rgb > 0.04045, ((rgb + 0.055) / 1.055) ** 2.4, rgb / 12.92)
    linear = np.clip(np.asarray(matrix) @ linear, 0, 1)
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    x, y, z = np.cbrt(to_xyz @ linear / [0.9505, 1, 1.089])
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("name", find_scenarios())
def test_methods_of_scenarios_differ_for_all_eyes(name):
    for profile in list_profiles(find_scenarios()[name]) or (None,):
        ax = axes()
        check_looks({m: look(ax, m) for m in methods_of(load_scenario(name, profile=profile))})


def check_looks(looks):
    assert len({str(sorted(style.items())) for style in looks.values()}) == len(looks)
    for one, other in itertools.combinations(looks, 2):
        colours = looks[one]["color"], looks[other]["color"]
        if colours[0] == colours[1]:
            table = METHODS[base_of(one)], METHODS[base_of(other)]
            assert table[0].marker == table[1].marker, (one, other)  # variants of one method
            assert looks[one].get("ls") != looks[other].get("ls")
            continue
        assert looks[one]["marker"] != looks[other]["marker"]  # in a grey print, too
        for eyes in ("full", "red-blind", "green-blind"):
            distance = np.linalg.norm(seen(colours[0], eyes) - seen(colours[1], eyes))
            assert distance > 11, (one, other, eyes, distance)


def test_every_receiver_of_vehicles_has_an_entry():
    assert {fields["label"] for fields in RECEIVERS.values()} <= set(METHODS)


def test_a_look_is_the_same_in_every_figure():
    first, second = axes(), axes()
    names = ["mine", "known", "nnbl", "another"]
    looks = [look(first, name) for name in names]
    assert [look(second, name) for name in reversed(names)] == looks[::-1]
    assert len({style["color"] for style in looks}) == 4
    colour = METHODS["OMP"].color
    assert look(first, "OMP") == {"color": colour, "marker": "X"}
    variants = [look(first, f"OMP, {text}") for text in ("finer", "finest")]
    assert [v["ls"] for v in variants] == ["--", ":"]
    assert {v["color"] for v in variants} == {colour} and {v["mfc"] for v in variants} == {"none"}
    assert look(first, "known_graded")["color"] == METHODS["known"].color
    assert look(first, "known_graded")["ls"] == "--"
    assert "ls" not in look(first, "knownish")


def test_words():
    assert words("known") == "impairments known"
    assert words("dictionary_limited", {"num_angles": 156}) == (
        "learned steering vectors, 156 angles"
    )
    assert words("dictionary_limited") == "learned steering vectors"
    assert words("my method", {"num_angles": 3}) == "my method"
    assert words("MUSIC") == "MUSIC"
    assert words("known_graded") == "impairments known, graded"
    assert words("networks_joint_early_stop", {"hidden_size": 8}) == (
        "networks, 8 hidden units, joint step, early stop"
    )
    assert words("MUSIC, refined once") == "MUSIC, refined once"
    assert words("knownish") == "knownish"


def result(etas, phis, draws, approaches, **scenario):
    dims = ("draw", "approach", "eta", "phi", "p_fa")
    shape = (draws, len(approaches), len(etas), len(phis), 1)
    data = xr.Dataset(
        coords={"approach": list(approaches), "eta": etas, "phi": phis, "p_fa": [0.01]},
        attrs={"num_samples": 100},
    )
    for name, low in (("p_d", 0.3), ("angle_rmse", 0.01), ("ser", 0.001)):
        value = RNG.uniform(low, 2 * low, shape)
        for end, factor in (("", 1), ("_low", 0), ("_high", 1.1)):
            data[f"{name}{end}"] = (dims, factor * value)
    for end in ("", "_low", "_high"):
        data[f"ser{end}"] = data[f"ser{end}"].isel(p_fa=0, drop=True)
    evaluation = {"operating_p_fa": 0.01}
    data.attrs["scenario"] = json.dumps(
        {"evaluation": evaluation, "approaches": approaches, **scenario}
    )
    return data


APPROACHES = {
    "baseline": {},
    "dictionary": {"num_angles": 720},
    "dictionary_limited": {"num_angles": 156},
    "my_own": {},
}


def legend(figure):
    (found,) = figure.legends
    return [text.get_text() for text in found.get_texts()], found.get_title().get_text()


def test_legend_of_approaches_has_words_and_shares():
    data = result([0.2, 1.0], [0.0, 1.0], 1, APPROACHES, kind="single_carrier")
    figure = draw_result(data, "single_carrier")
    texts, note = legend(figure)
    vectors = "learned steering vectors, {} angles"
    assert texts[:4] == [
        "baseline, ideal array assumed",
        vectors.format(720),
        vectors.format(156),
        "my_own",
    ]
    assert texts[4:] == [r"dots: all phases $\varphi$, lines: $\varphi$ = 0"]
    assert r"$\omega_r$" in note and "one draw" in note and "mean" not in note
    for ax in figure.axes:
        assert {"0.2", "1"} == {text.get_text() for text in ax.texts}
    note = legend(draw_result(result([0.2, 1.0], [0.0], 3, APPROACHES), "learning"))[1]
    assert "means over 3 draws" in note and r"$\eta$" in note
    ideal = result([1.0], [0.0], 1, APPROACHES, array={"impairments": []})
    texts, note = legend(draw_result(ideal, "learning"))
    assert note == "100 samples a point; bars: confidence intervals" and len(texts) == 4
    twice = result([1.0], [0.0], 1, {"dictionary": {}, "dictionary_limited": {}})
    assert legend(draw_result(twice, "learning"))[0][1] == (
        "learned steering vectors (dictionary_limited)"
    )


@pytest.mark.parametrize(
    "ends, numbers",
    [((0.5, 2.9), "0.5 0.7 1 1.5 2"), ((0.03, 0.6), "0.05 0.1 0.2 0.5")],
)
def test_a_short_logarithmic_axis_has_more_numbers(ends, numbers):
    ax = axes()
    ax.set(yscale="log", ylim=ends)
    plain_ticks(ax.yaxis)
    ax.figure.draw_without_rendering()
    inside = [t for t in ax.get_yticks() if ends[0] <= t <= ends[1]]
    assert [f"{t:g}" for t in inside] == numbers.split()


def test_intervals_beyond_the_axis_are_marked():
    ax = axes()
    show_curve([1, 2], [1.0, 3.0], [0.0, 2.9], [1.1, 90.0], method="a", bars=True, ax=ax)
    ax.set_yscale("log")
    fit_axis(ax)
    low, high = ax.get_ylim()
    assert 0.4 < low < 0.5 and 6 < high < 7  # twice as far as the values, not to 0 and 90
    marks = {(x.get_marker(), *map(float, x.get_xydata()[0])) for x in ax.lines[1:]}
    assert marks == {("v", 1.0, low), ("^", 2.0, high)}
    assert ax.get_legend_handles_labels()[1] == ["a"]
    linear = axes()
    show_curve([1, 2], [1.0, 3.0], [0.0, 2.9], [1.1, 3.5], method="a", bars=True, ax=linear)
    fit_axis(linear, bottom=0)
    assert linear.get_ylim()[0] == 0 and linear.get_ylim()[1] > 3.5 and len(linear.lines) == 1
    empty = axes()
    fit_axis(empty)
    assert empty.get_ylim() == (0, 1)


def test_bands_down_to_zero_have_bars():
    ax = axes()
    low = open_below(ax, [1, 2], [0.3, 0.2], [0.0, 0.1], "#000000")
    np.testing.assert_array_equal(low, [0.3, 0.1])
    (bar,) = ax.containers[0][2]
    np.testing.assert_allclose(bar.get_segments(), [[[1, 0], [1, 0.3]]])


def test_numbers_stand_clear_of_each_other():
    ax = axes()
    ax.set(xlim=(0, 1), ylim=(0, 1))
    for _ in range(2):  # of two curves at the same place, one has them
        number_points(ax, [0.1, 0.11, 0.9], [0.5, 0.5, 0.5], [0.25, 0.5, 1], "#000000")
    assert [text.get_text() for text in ax.texts] == ["0.25", "1"]


def test_printed_values_are_drawn_beside():
    designs = [{"design": "two_stage", "num_rf_chains": 4, "num_channels": None}]
    scenario = {
        "sweep": {"parameter": "power_dbm"},
        "metric": "peb",
        "designs": designs,
        "num_channels": 1,
        "published": [{"method": "two stages", "x": 20.0, "y": 0.09}],
    }
    cell = ("design", "power_dbm")
    data = xr.Dataset(
        {f"peb_{end}": (cell, RNG.uniform(0.1, 1, (1, 2))) for end in ("mean", "low", "high")}
        | {"num_averaged": (cell, np.ones((1, 2)))},
        coords={"design": ["two stages"], "power_dbm": [10.0, 20.0]},
        attrs={"scenario": json.dumps(scenario)},
    )
    figure = draw_result(data, "near_field")
    (ax,) = figure.axes
    diamonds = [x for x in ax.lines if x.get_marker() == "D"]
    np.testing.assert_allclose(diamonds[0].get_xydata(), [[20, 0.09]])
    assert diamonds[0].get_color() == METHODS["two_stage"].color
    assert diamonds[0].get_markerfacecolor() == "none"
    (legend,) = figure.legends
    assert [t.get_text() for t in legend.get_texts()] == ["two stages", PRINTED]
    assert ax.get_ylim()[0] < 0.09
    assert legend.get_title().get_text() == "one channel draw"


def test_a_printed_value_belongs_to_a_design():
    from sionna_isac.study.errors import ScenarioError

    shipped = load_scenario("near_field_fig3")
    assert {value.y for value in shipped.published} == {0.09, 0.04, 0.023, 0.019}
    assert {value.x for value in shipped.published} == {30}
    with pytest.raises(ScenarioError, match=r"published\.0\.method must be one of the designs"):
        load_scenario("near_field_fig3", ["published=[{method: none, x: 1, y: 2}]"])


def test_files_have_no_date(tmp_path):
    written = []
    for name in ("a", "b"):
        figure = axes().get_figure()
        show_curve([1, 2], [3, 4], [2, 3], [5, 6], method="known", ax=figure.axes[0])
        written.append(save_figure(figure, tmp_path / f"{name}.png"))
    assert [p.name for p in written[0]] == ["a.png", "a.pdf"]
    for one, other in zip(*written, strict=True):
        assert one.read_bytes() == other.read_bytes()
    assert b"CreationDate" not in (tmp_path / "a.pdf").read_bytes()
    assert save_figure(figure, tmp_path / "a.svg") == [tmp_path / "a.svg"]
    assert "<dc:date>" not in (tmp_path / "a.svg").read_text()
