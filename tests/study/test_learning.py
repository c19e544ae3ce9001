"""Comparisons of approaches: results, shared models, claims, wrong scenarios."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import xarray as xr

from sionna_isac.core import reset_stream
from sionna_isac.objective import gospa_loss, positions
from sionna_isac.studies import IsacSystem, true_array
from sionna_isac.studies._isac.claims import judge
from sionna_isac.studies._isac.points import evaluate_point
from sionna_isac.studies.learning.study import make_approach
from sionna_isac.study import ScenarioError, load_scenario, read_result, run_scenario
from sionna_isac.study.registry import draw_result

TINY = Path(__file__).with_name("tiny_learning.yaml")
pytestmark = pytest.mark.usefixtures("eager")  # `test_claims` has graphs of the same studies


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """All approaches, in both draws of the impairments."""
    out = tmp_path_factory.mktemp("learning") / "run"
    run_scenario(load_scenario(TINY), out, quiet=True)
    return out


@pytest.fixture(scope="module")
def one_draw(tmp_path_factory):
    """All approaches, in the first draw."""
    out = tmp_path_factory.mktemp("learning") / "run"
    run_scenario(load_scenario(TINY, ["num_draws=1"]), out, quiet=True)
    return out


def number_of_targets(scenario):
    """True targets of each draw of the impairments, drawn again."""
    config, counts = scenario.evaluation, []
    for draw in range(scenario.num_draws):
        truth = true_array(scenario, *([draw] if draw else []))
        system = IsacSystem(scenario, truth, make_approach(scenario, "known", truth, draw))
        number = []
        for block in range(-(-config.num_samples // config.batch_size)):
            reset_stream(scenario.seed, "evaluation", draw, block)
            drawn = system.draw(config.batch_size, tf.ones([]), tf.zeros([]), 2)
            number.append(drawn["num_targets"])
        counts.append(int(np.concatenate(number)[: config.num_samples].sum()))
    return xr.DataArray(counts, dims="draw")


@pytest.mark.parametrize("hits", [0, 1, 2])
def test_one_detection_has_an_error_but_no_interval(hits):
    metric = np.zeros((6, 1))
    metric[:hits] = 9.0
    metric[5] = 1.0  # the sample without target, which the threshold is calibrated on
    data = {
        "angle": np.full((6, 1), 0.1),
        "range": np.full((6, 1), 21.0),
        "metric": metric,
        "true_angle": np.zeros((6, 1)),
        "true_range": np.full((6, 1), 20.0),
        "num_targets": np.array([1, 1, 1, 1, 1, 0]),
    }
    point = evaluate_point(data, 0.01, 90.0)
    assert point["p_d"] == pytest.approx(hits / 5)
    for name, error in (("angle_rmse", 0.1), ("range_rmse", 1.0)):
        value, ends = point[name], (point[f"{name}_low"], point[f"{name}_high"])
        assert np.isnan(value) if hits == 0 else value == pytest.approx(error)
        assert np.all(np.isnan(ends)) if hits < 2 else ends == pytest.approx((error, error))


@pytest.mark.parametrize("result", ["one_draw", pytest.param("reference", marks=pytest.mark.slow)])
def test_every_beam_and_draw_has_scores_with_intervals(result, request):
    dataset, scenario = read_result(request.getfixturevalue(result))
    sizes = {"draw": scenario.num_draws, "approach": 5, "eta": 2, "phi": 2, "p_fa": 2}
    assert dict(dataset.gospa.sizes) == sizes
    detections = (dataset.p_d * number_of_targets(scenario)).round()
    for name in ("gospa", "p_d", "ser", "angle_rmse", "range_rmse"):
        value = dataset[name]
        low, high = dataset[f"{name}_low"], dataset[f"{name}_high"]
        # an error needs a detection, its interval two: one sample says nothing of the spread
        errors = detections if name.endswith("rmse") else xr.full_like(detections, 2)
        assert bool((np.isfinite(value) == (errors >= 1)).all()), name
        for end in (low, high):
            assert bool((np.isfinite(end) == (errors >= 2)).all()), name
        assert bool(((low <= value) & (value <= high) | (errors < 2)).all()), name
    # all sensing or half of it: more errors of the user, fewer missed targets
    known = dataset.sel(approach="known", phi=0, p_fa=0.1).mean("draw")
    assert float(known.ser.sel(eta=1)) > float(known.ser.sel(eta=0.5))
    assert dataset.history_networks_position_loss.shape == (scenario.num_draws, 4)
    figure = draw_result(dataset, scenario.kind)
    assert len(figure.axes) == 4


def test_draws_differ_in_the_array(one_draw, tmp_path):
    """Those who do not know it get other numbers; the first draw is that of a run of one."""
    changes = ["approaches={baseline: {kind: unknown}, known: {kind: known}}", "eta=[1]", "phi=[0]"]
    dataset = run_scenario(load_scenario(TINY, changes), tmp_path / "run", quiet=True)
    assert dataset.sizes["draw"] == 2
    baseline = dataset.gospa.sel(approach="baseline")
    assert not np.allclose(baseline.sel(draw=0), baseline.sel(draw=1))
    alone, _ = read_result(one_draw)
    alone = alone.gospa.sel(approach=["baseline", "known"], eta=[1], phi=[0], draw=0)
    xr.testing.assert_equal(dataset.gospa.sel(draw=0).drop_attrs(), alone.drop_attrs())


@pytest.mark.slow
def test_trained_models_are_taken_over_by_studies_that_need_the_same(reference, tmp_path):
    models = reference.parent / "models"
    stamps = {p.name: p.stat().st_mtime_ns for p in models.iterdir()}
    assert len(stamps) == 6  # three learned approaches, two draws
    changes = ["targets.test_sector_deg=[-20, 20]", "phi=[0]", "evaluation.num_samples=60"]
    other = load_scenario(TINY, changes)
    run_scenario(other, tmp_path / "other", quiet=True, models=models)
    assert stamps == {p.name: p.stat().st_mtime_ns for p in models.iterdir()}
    assert not list((tmp_path / "other" / "partial").glob("training*"))
    longer = load_scenario(TINY, [*changes, "approaches.dictionary.training.iterations=9"])
    run_scenario(longer, tmp_path / "longer", quiet=True, models=models)
    assert len(list(models.iterdir())) == 8


@pytest.mark.slow
def test_a_model_that_was_trained_before_gives_the_same_result(reference, tmp_path):
    first, _ = read_result(reference)
    scores = ["gospa", "p_d", "ser", "angle_rmse", "range_rmse"]
    # on several threads, gradients of convolutions add up in an order that is not fixed
    models_of_arrays = ["baseline", "known", "impairments", "dictionary"]
    again = run_scenario(load_scenario(TINY), tmp_path / "again", quiet=True)
    xr.testing.assert_equal(
        *(d[scores].sel(approach=models_of_arrays).drop_attrs() for d in (first, again))
    )
    models = reference.parent / "models"
    taken = run_scenario(load_scenario(TINY), tmp_path / "taken", quiet=True, models=models)
    xr.testing.assert_allclose(first[scores].drop_attrs(), taken[scores].drop_attrs(), rtol=1e-4)


def claims(values, low_and_high):
    """A result with given scores of approaches a and b in three draws."""
    scenario = load_scenario(
        TINY,
        [
            "approaches={a: {kind: known}, b: {kind: known}}",
            "claims=[{better: a, worse: b, metrics: [gospa, p_md]}]",
            "eta=[]",
            "phi=[]",
        ],
    )
    dims = ("draw", "approach", "eta", "phi", "p_fa")
    shape = (3, 2, 1, 1, 1)
    data = {}
    for name, offset in (("gospa", 0.0), ("p_d", 0.0)):
        sign = 1 if name == "gospa" else -1
        base = np.reshape(values, shape) * sign
        data[name] = (dims, base + offset)
        data[f"{name}_low"] = (dims, base - low_and_high)
        data[f"{name}_high"] = (dims, base + low_and_high)
    coordinates = {"approach": ["a", "b"], "eta": [0.5], "phi": [0.0], "p_fa": [0.1]}
    return scenario, xr.Dataset(data, coords=coordinates)


def test_claims_need_intervals_that_do_not_overlap():
    scenario, dataset = claims([[1, 2], [1, 1.5], [3, 1]], 0.3)
    for verdict in judge(scenario, dataset):
        assert (verdict.met, verdict.refuted, verdict.draws) == (1, 1, 3)
        assert not verdict.holds
        assert "1 of 3 draws, reversed in 1" in str(verdict)
    scenario, dataset = claims([[1, 2], [1, 2], [1, 2]], 0.3)
    assert all(v.holds for v in judge(scenario, dataset))


def test_alike_are_intervals_that_overlap():
    scenario, dataset = claims([[1, 2], [1, 1.5], [3, 1]], 0.3)
    alike = scenario.claims[0].model_copy(update={"alike": True})
    scenario = scenario.model_copy(update={"claims": (alike,)})
    for verdict in judge(scenario, dataset):
        assert (verdict.met, verdict.refuted, verdict.draws) == (1, 2, 3)
        assert "a ~ b" in str(verdict) and "apart in 2" in str(verdict)


def test_a_run_begun_afresh_trains_anew_even_if_it_is_interrupted(tmp_path, monkeypatch):
    changes = [
        "approaches={a: {kind: impairments, training: {iterations: 2, batch_size: 4}}, "
        "b: {kind: impairments, training: {iterations: 3, batch_size: 4}}}",
        "claims=[]",
        "num_draws=1",
        "eta=[1]",
        "phi=[0]",
        "evaluation.num_samples=50",
    ]
    scenario = load_scenario(TINY, changes)
    run_scenario(scenario, tmp_path / "run", quiet=True)
    models = tmp_path / "models"
    before = {p.name: p.stat().st_mtime_ns for p in models.iterdir()}

    class Kill(Exception):
        pass

    def stop(*arguments):
        raise Kill

    with monkeypatch.context() as patch:
        patch.setattr("sionna_isac.studies.learning.study.LearningStudy.evaluate", stop)
        with pytest.raises(Kill):
            run_scenario(scenario, tmp_path / "run", fresh=True, quiet=True)
    run_scenario(scenario, tmp_path / "run", quiet=True)
    after = {p.name: p.stat().st_mtime_ns for p in models.iterdir()}
    assert before.keys() == after.keys() and all(after[n] > before[n] for n in before)


WRONG = [
    ("approaches={}", "approaches"),
    ("approaches.known.kind=oracle", "oracle"),
    ("approaches.impairments.training.objective=bce", "approaches.impairments.training.objective"),
    ("approaches.dictionary.num_angles=3", "num_angles"),
    ("approaches.dictionary.training.objective=max", "'max'"),
    ("approaches.networks.position.objective=max", "position.objective"),
    ("approaches.networks.detection.objective=mse", "detection.objective"),
    ("approaches.networks.size=huge", "huge"),
    ("claims=[{better: known, worse: guess}]", "'guess'"),
    ("claims=[{better: known, worse: baseline, metrics: [beauty]}]", "beauty"),
    ("array.impaired=reception", "approaches.networks"),
    ("array.learn=[]", "array.learn"),
    ("eta=[0.5, 0.2]", "increasing"),
    ("eta=[2]", "eta"),
    ("num_draws=0", "num_draws"),
    ("approaches.dictionary.training.eta=0", "training.eta"),
    ("targets.max_targets=2", "mse"),
    ("approaches.networks.position.validation={}", "position.validation"),
    ("approaches.dictionary.training.labelled_fraction=0.5", "labelled_fraction"),
    ("receiver.temperature_scale=0", "receiver.temperature_scale"),
]


@pytest.mark.parametrize(("override", "named"), WRONG, ids=[w[0] for w in WRONG])
def test_wrong_scenarios_are_one_line_that_names_what_is_wrong(override, named):
    with pytest.raises(ScenarioError) as error:
        load_scenario(TINY, [override])
    assert named in str(error.value) and "\n" not in str(error.value)


def test_a_temperature_without_effect_is_refused():
    changes = ["approaches={a: {kind: unknown}, b: {kind: known, pursuit: plain}}", "claims=[]"]
    load_scenario(TINY, changes)
    for source, more in ((TINY, changes), ("coded_ber", [])):
        with pytest.raises(ScenarioError, match=r"receiver\.temperature_scale has no effect"):
            load_scenario(source, [*more, "receiver.temperature_scale=2"])


@pytest.mark.parametrize("label", ["known", "impairments", "dictionary"])
def test_temperature_of_the_evaluation_is_not_that_of_the_training(label):
    changes = [
        f"approaches.{label}.training.{k}"
        for k in ("objective=gospa", "temperature_scale=0.5")
        if label != "known"
    ]
    scenario = load_scenario(TINY, [*changes, "receiver.temperature_scale=128"])
    approach = make_approach(scenario, label, true_array(scenario))
    cell = np.sqrt(8 * 16 * scenario.noise_power)
    assert approach.parts(0.3, False).receiver.temperature * cell == pytest.approx(128)
    trained = 128 if label == "known" else 0.5
    assert approach.parts(0.3, True).receiver.temperature * cell == pytest.approx(trained)


def test_a_high_temperature_scale_makes_soft_means_cells_of_the_grid():
    """At 1 the means lie between the ranges of the grid, at 1e6 they are one of them."""
    ranges = np.linspace(10, 100, 20)
    distances = []
    for scale in (1, 1e6):
        scenario = load_scenario(TINY, [f"receiver.temperature_scale={scale}"])
        truth = true_array(scenario)
        system = IsacSystem(scenario, truth, make_approach(scenario, "known", truth))
        reset_stream(1, "temperature")
        found = system.draw(20)["range"].numpy()
        distances.append(np.abs(found - ranges).min(-1))
    assert np.max(distances[1]) < 1e-3 < 0.1 < np.max(distances[0])


def test_reception_alone_can_be_impaired_and_learned(graphs, tmp_path):
    changes = [
        "array.impaired=reception",
        "array.impairments=[{kind: gain, std_db: 1}, {kind: phase, std: 0.5}]",
        "array.learn=[gain, phase]",
        "approaches={unknown: {kind: unknown}, known: {kind: known}, learned: "
        "{kind: impairments, training: {objective: max, iterations: 150, batch_size: 64, "
        "learning_rate: 3.0e-2, sector_growth: 0}}}",
        "claims=[]",
        "num_draws=1",
        "eta=[1]",
        "phi=[0]",
        "evaluation.num_samples=400",
    ]
    dataset = run_scenario(load_scenario(TINY, changes), tmp_path / "run", quiet=True)
    gospa = dataset.gospa.sel(p_fa=0.1).squeeze()
    unknown, known, learned = (
        float(gospa.sel(approach=a)) for a in ("unknown", "known", "learned")
    )
    assert known < unknown
    assert learned < (known + unknown) / 2
    # the beam does not depend on what the receiver learns
    ser = dataset.ser.squeeze()
    assert float(ser.sel(approach="unknown")) == float(ser.sel(approach="learned"))


def test_the_labelled_share_has_labels_and_the_rest_has_none():
    text = "approaches={{a: {{kind: impairments, training: {{batch_size: 8, objective: {}}}}}}}"
    mixed = "gospa, cutoff: 30, labelled_fraction: 0.25, unlabelled: max"
    losses = []
    for objective in (mixed, "max"):
        scenario = load_scenario(TINY, [text.format(objective), "claims=[]"])
        truth = true_array(scenario)
        approach = make_approach(scenario, "a", truth)
        system = IsacSystem(scenario, truth, approach, training=True)
        system.stage = approach.stages()[0]
        reset_stream(1, "labels")
        losses.append(system.batch_loss(8, tf.ones([])).numpy())
        reset_stream(1, "labels")
        seen = system.sense(8, tf.ones([]), system.stage.training.eta)
    labelled = gospa_loss(
        positions(seen.estimate.angle, seen.estimate.range)[:2],
        seen.targets.position[:2],
        seen.targets.num_targets[:2],
        30,
    )
    z, estimate = seen.projected.numpy()[2:], seen.estimate
    energy = np.sum(np.abs(z) ** 2, (1, 2)) * 16 * 8
    rest = -np.mean(estimate.metric.numpy()[2:, 0] / np.sqrt(energy))
    expected = 0.25 * labelled.numpy() / 30 + 0.75 * rest
    np.testing.assert_allclose(losses[0], expected, rtol=1e-5)
    assert losses[0] != losses[1]


def test_labels_of_a_part_of_the_batch_train_and_scores_are_taken_on_the_way(tmp_path):
    changes = [
        "approaches={learned: {kind: impairments, training: {objective: gospa, iterations: 8, "
        "batch_size: 8, labelled_fraction: 0.25, unlabelled: reconstruction, "
        "checkpoint_interval: 2, validation: {interval: 4, num_samples: 60, p_fa: 0.1}}}}",
        "claims=[]",
        "num_draws=1",
    ]
    scenario = load_scenario(TINY, changes)
    dataset = run_scenario(scenario, tmp_path / "run", quiet=True)
    loss = dataset.history_learned_array_loss.values
    assert loss.shape == (1, 8) and np.all(np.isfinite(loss)) and np.ptp(loss) > 0
    np.testing.assert_array_equal(dataset.history_learned_array_validated, [[4, 8]])
    score = dataset.history_learned_array_score.values
    assert np.all((score > 0) & (score < 90)) and np.ptp(score) > 0
