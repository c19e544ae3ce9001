"""Angle-delay maps: lobes by closed forms, echoes by the formula, statistics, figure."""

from __future__ import annotations

import numpy as np
import pytest

import sionna_isac as isac
from sionna_isac.studies.angle_delay_map.study import angle_delay_report
from sionna_isac.studies.angle_delay_map.trial import MapTrial
from sionna_isac.study import ScenarioError, load_scenario, read_result, run_scenario

TINY = [
    "compile=false",  # to compile takes longer than to run
    "array.num_antennas=16",
    "waveform.num_subcarriers=32",
    "waveform.subcarrier_spacing=1e6",
    "scenes={num_targets: 3, range_interval: [10, 100], num_scenes: 7, drawn: 2}",
    "grid={num_angles: 181, num_ranges: 30}",
    "block_size=3",
]
ERRORS = "array.impairments=[{kind: spacing, std: %g, ordering: literal}]"


def tiny(*changes):
    return load_scenario("multi_target_fig3", [*TINY, *changes])


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    out = tmp_path_factory.mktemp("map") / "run"
    return out, run_scenario(tiny(), out, quiet=True)


def steering(positions, angle):
    """Positions in wavelengths."""
    return np.exp(-2j * np.pi * np.multiply.outer(np.sin(angle), positions))


def test_both_echoes_follow_from_the_formula_and_share_the_noise():
    """Their difference has no noise: that of the steering vectors, Eqs. (1) and (3)."""
    scenario = tiny("precision=double")
    trial = MapTrial(scenario)
    targets, y, _ = trial._run(4)
    positions = [
        (np.arange(16) - 7.5) / 2,
        isac.studies.true_array(scenario, 4).element_positions / scenario.array.wavelength,
    ]
    angle, distance, gain = (np.asarray(v)[0] for v in targets[:3])
    delay = np.exp(-4j * np.pi * 1e6 / 299792458 * np.multiply.outer(distance, np.arange(32)))
    beam = trial._beam[0].numpy()
    clean = []
    for place in positions:
        vectors = steering(place, angle)
        clean.append(vectors.T @ ((gain * (vectors @ beam))[:, None] * delay) / np.sqrt(32))
    np.testing.assert_allclose(y[1] - y[0], clean[1] - clean[0], atol=1e-9)
    noise = y[0].numpy() - clean[0]
    assert np.mean(np.abs(noise) ** 2) == pytest.approx(16 / 100, rel=0.2)


def test_map_is_the_normalised_correlation():
    scenario = tiny("precision=double")
    trial = MapTrial(scenario)
    y = trial._run(1)[1].numpy()
    vectors = steering((np.arange(16) - 7.5) / 2, trial.angles)
    delays = np.exp(-4j * np.pi * 1e6 / 299792458 * np.multiply.outer(np.arange(32), trial.ranges))
    expected = np.abs(vectors.conj() @ y @ delays.conj())
    np.testing.assert_allclose(trial.map(1), expected / expected[0].max(), rtol=1e-6, atol=1e-9)


def test_level_of_an_ideal_lobe_is_the_closed_form():
    """Peak sqrt(S) K |psi| |a^T f| over the noise sqrt(K S N_0) of a cell."""
    scenario = tiny("precision=double", "compile=true")
    trial = MapTrial(scenario)
    drawn = trial(0)
    vectors = steering((np.arange(16) - 7.5) / 2, drawn["true_angle"])
    lit = np.abs(vectors @ trial._beam[0].numpy()) * drawn["true_gain"]
    expected = 20 * np.log10(16 * lit / np.sqrt(16 * 0.16))
    np.testing.assert_allclose(drawn["level"][0], expected, atol=0.01)


def test_without_errors_both_conditions_are_the_same():
    drawn = MapTrial(tiny(ERRORS % 0))
    np.testing.assert_allclose(*drawn.map(0), atol=1e-6)
    found = drawn(0)
    for name in ("angle", "range", "level", "width", "extent", "sidelobe", "found"):
        np.testing.assert_allclose(*found[name], rtol=1e-4)


def test_statistics_are_those_of_the_samples(result):
    _, dataset = result
    assert dataset.sizes["scene"] == 7 and dataset.attrs["num_samples"] == 7
    level = dataset.sample_level
    loss = (level.sel(condition="ideal") - level.sel(condition="impaired")).mean()
    np.testing.assert_allclose(dataset.loss, [0, loss], rtol=1e-5)
    np.testing.assert_allclose(
        dataset.found_share, dataset.sample_found.mean(("scene", "target")), rtol=1e-6
    )
    last = dataset.sample_true_range.values.argmax(1)
    hits = dataset.sample_found.values[np.arange(7), :, last]
    np.testing.assert_allclose(dataset.farthest_found, hits.mean(0))
    np.testing.assert_allclose(dataset.all_found, dataset.sample_found.all("target").mean("scene"))
    for name in ("loss", "width", "extent", "sidelobe", "found_share", "farthest_found"):
        assert np.all(dataset[f"{name}_low"] <= dataset[name] + 1e-12)
        assert np.all(dataset[name] <= dataset[f"{name}_high"] + 1e-12)
    assert dataset.angle_delay_map.sel(condition="ideal").max() == 1
    assert np.unique(dataset.sample_true_angle).size == 21


def test_pairs_are_those_in_one_range_cell(tmp_path):
    """Ranges within 3 m, where a cell is 4.7 m: every pair but those too close in angle."""
    changes = ["scenes.range_interval=[20, 23]", "scenes.sector_deg=[-60, 60]"]
    dataset = run_scenario(tiny(*changes), tmp_path / "run", quiet=True)
    angle = dataset.sample_true_angle.values
    pairs = [(0, 1), (0, 2), (1, 2)]
    close = np.array([np.abs(angle[:, i] - angle[:, j]) > 2 / 16 for i, j in pairs])
    found = dataset.sample_found.values
    both = np.array([found[..., i] & found[..., j] for i, j in pairs])
    assert dataset.attrs["num_pairs"] == close.sum() > 10
    expected = (both * close[..., np.newaxis]).sum((0, 1)) / close.sum()
    np.testing.assert_allclose(dataset.pair_found, expected)


def test_errors_cost_what_the_paper_says(result):
    """Lower lobes, wider in angle, higher sidelobes; the effects are large in this setting."""
    dataset = run_scenario(
        tiny(ERRORS % 0.15, "scenes.num_scenes=40"), result[0].parent / "strong", quiet=True
    )
    ideal, impaired = (dataset.sel(condition=c) for c in ("ideal", "impaired"))
    assert impaired.loss_low > 3
    assert impaired.extent_low > 2 * ideal.extent_high
    assert impaired.sidelobe_low > ideal.sidelobe_high + 3
    assert impaired.found_share_high < ideal.found_share_low


def test_a_run_goes_on_where_it_stopped(result):
    out, dataset = result
    kept = (out / "partial" / "scenes_00000.npz").stat().st_mtime_ns
    for name in ("result.nc", "partial/scenes_00001.npz"):
        (out / name).unlink()
    again = run_scenario(tiny(), out, quiet=True)
    assert (out / "partial" / "scenes_00000.npz").stat().st_mtime_ns == kept
    for name in dataset.data_vars:
        np.testing.assert_array_equal(again[name], dataset[name])
    stored, scenario = read_result(out)
    assert scenario.profile == "quick" and '"profile": "quick"' in stored.attrs["scenario"]


def test_scenes_do_not_depend_on_how_many_there_are(result):
    trial = MapTrial(tiny("scenes.num_scenes=50", "block_size=11"))
    np.testing.assert_array_equal(trial(5)["true_angle"], result[1].sample_true_angle[5])
    np.testing.assert_array_equal(trial(5)["metric"], result[1].sample_metric[5])


def test_figure_and_report_show_the_drawn_scene(result):
    _, dataset = result
    figure = isac.study.get_kind("angle_delay_map").draw(dataset)
    scene = dataset.isel(scene=2)
    for ax, condition in zip(figure.axes[:3:2], ("ideal", "impaired"), strict=True):
        number = int(scene.sample_found.sel(condition=condition).sum())
        assert ax.get_title() == f"{condition}: {number} of 3 targets found"
        np.testing.assert_allclose(ax.lines[0].get_ydata(), scene.sample_true_range)
    lines = list(angle_delay_report(tiny(), dataset))
    assert len(lines) == 1 + 3 + 1 + 8 and "scene 2" in lines[0]
    assert f"{float(scene.sample_true_range[1]):.1f} m" in lines[2]


BAD = [
    ("scenes.num_scenes=1", "scenes.num_scenes", "1"),
    ("scenes.drawn=7", "scenes", "7"),
    ("scenes.num_targets=1", "scenes.num_targets", "1"),
    ("scenes.sector_deg=[-20, -40]", "scenes.sector_deg", "(-20.0, -40.0)"),
    ("scenes.sector_deg=[-20, -20]", "scenes.sector_deg", "cell"),
    ("scenes.range_interval=[0, 10]", "scenes.range_interval", "(0.0, 10.0)"),
    ("grid.num_angles=3", "grid.num_angles", "3"),
    ("waveform.eta=0.5", "waveform.eta", "no effect"),
    ("array.learn=[phase]", "array.learn", "no effect"),
]


@pytest.mark.parametrize(("override", "where", "value"), BAD, ids=[b[0] for b in BAD])
def test_a_wrong_value_is_one_line_that_names_it(override, where, value):
    with pytest.raises(ScenarioError) as error:
        tiny(override)
    text = str(error.value)
    assert "\n" not in text and where in text and value in text, text
