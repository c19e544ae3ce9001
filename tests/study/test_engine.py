"""The loop over parts: what is stored, shared, computed elsewhere and refused."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

import keras
import numpy as np
import pytest
import xarray as xr

import sionna_isac as isac
from sionna_isac.array import ImpairedArray
from sionna_isac.studies._isac.study import ApproachStudy
from sionna_isac.studies.learning.study import LearningStudy
from sionna_isac.study import (
    Part,
    RunFolder,
    Scenario,
    Study,
    get_kind,
    load_scenario,
    parse_scenario,
)
from sionna_isac.study.compute import PartStore, _compute, compute_parts
from sionna_isac.study.fingerprint import _code, code_version, fingerprint
from sionna_isac.study.models import ModelStore


class SumScenario(Scenario):
    kind: Literal["sums"]
    numbers: tuple[int, ...] = (2, 3, 5)


class SumStudy(Study[SumScenario]):
    """Squares, a shared cube, and the sum of all."""

    def __init__(self, scenario):
        super().__init__(scenario)
        self.computed = []

    def parts(self):
        for number in self.scenario.numbers:
            yield Part(f"square_{number}", (number, 2), task="squares", parallel=True)
        yield Part("cube", (2, 3), shared=True)
        names = [f"square_{number}" for number in self.scenario.numbers]
        yield Part("sum", needs=(*names, "cube"), task="sums")

    def key(self, part):
        return {"power": part.arguments}

    def compute(self, part, earlier):
        self.computed.append(part.name)
        if part.arguments:
            number, power = part.arguments
            return {"value": np.array(number**power)}
        assert set(earlier) == set(part.needs)
        return {"value": sum(found["value"] for found in earlier.values())}

    def summarise(self, results):
        return xr.Dataset({name: found["value"] for name, found in results.items()})


def begin(path, **fields):
    scenario = SumScenario(kind="sums", name="sums", title="Sums", **fields)
    study = SumStudy(scenario)
    return study, PartStore(study, RunFolder(path, scenario, models=path.parent / "models"))


def test_parts_are_computed_once_and_get_what_they_need(tmp_path):
    study, store = begin(tmp_path / "run")
    parts = compute_parts(study, store, workers=0)
    assert store.get(parts[-1])["value"] == 4 + 9 + 25 + 8
    assert study.computed == ["square_2", "square_3", "square_5", "cube", "sum"]
    (tmp_path / "run" / "partial" / "square_3.npz").unlink()
    again, store = begin(tmp_path / "run")
    compute_parts(again, store, workers=0)
    assert again.computed == ["square_3"]


def test_a_shared_part_is_taken_over_and_its_origin_noted(tmp_path):
    compute_parts(*begin(tmp_path / "first"), workers=0)
    assert not (tmp_path / "first" / "partial" / "cube.npz").exists()
    study, store = begin(tmp_path / "second", numbers=(7,))
    compute_parts(study, store, workers=0)
    assert study.computed == ["square_7", "sum"]
    (file,) = (tmp_path / "models").iterdir()
    assert store.origins["cube"].startswith(f"{file.name}@")
    assert ModelStore(tmp_path / "models").file("cube", {"power": (2, 4)}) != file


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([Part("a"), Part("a")], "got 'a' twice"),
        ([Part("a", needs=("b",)), Part("b")], "needs of 'a' must be names of earlier parts.*'b'"),
        (
            [Part("a", parallel=True), Part("b", parallel=True, needs=("a",))],
            "needs of 'b' must be of an earlier task.*'a'",
        ),
        ([Part("a", parallel=True), Part("b", needs=("a",))], "'b' must be of an earlier task"),
    ],
)
def test_wrong_parts_are_refused(tmp_path, parts, message):
    study, store = begin(tmp_path / "run")
    with pytest.raises(ValueError, match=message):
        compute_parts(study, store, parts=parts)


@pytest.mark.parametrize("name", ["", "../a", "a/b", ".a", 3])
def test_names_of_parts_are_names_of_files(name):
    with pytest.raises(ValueError, match="name of a part must be of letters"):
        Part(name)


@pytest.mark.parametrize(
    ("found", "error", "message"),
    [
        (None, TypeError, "compute must return arrays by name for the part 'cube'; got None"),
        ({"value": None}, TypeError, "must hold numbers and texts; got None for 'value'"),
        ({"file": 1}, ValueError, "other names than about, content, file"),
    ],
)
def test_results_that_cannot_be_read_again_are_refused(tmp_path, found, error, message):
    study, store = begin(tmp_path / "run")
    study.compute = lambda part, earlier: found
    with pytest.raises(error, match=message):
        compute_parts(study, store, parts=[Part("cube", (2, 3))])
    assert not (tmp_path / "run" / "partial").exists()


def test_names_of_arrays_are_free(tmp_path):
    study, store = begin(tmp_path / "run")
    study.compute = lambda part, earlier: {"name": np.array(1), "self": np.array(2)}
    (part,) = compute_parts(study, store, parts=[Part("cube", (2, 3))])
    assert store.get(part)["self"] == 2


def test_one_process_computes_one_part_at_a_time():
    """Workers of a cluster may have several threads: random numbers are one stream."""
    scenario = SumScenario(kind="sums", name="sums", title="Sums")
    running, most = [], []

    class Slow(SumStudy):
        def compute(self, part, earlier):
            running.append(part)
            most.append(len(running))
            time.sleep(0.05)
            running.remove(part)
            return {}

    parts = [Part(f"p{i}") for i in range(4)]
    with ThreadPoolExecutor(4) as pool:
        calls = [pool.submit(_compute, Slow, scenario, p, {}, isac.__version__) for p in parts]
        assert [c.result()[0] for c in calls] == ["p0", "p1", "p2", "p3"]
    assert max(most) == 1


def test_a_fingerprint_knows_values_and_not_names():
    make = lambda **changes: ImpairedArray(8, 0.01, precision="double", **changes)  # noqa: E731
    first = fingerprint({"array": make()})
    assert first == fingerprint({"array": make()})  # layers that Keras names differently
    moved = make(element_positions=make().element_positions + 1e-6)
    assert first != fingerprint({"array": moved})
    long = np.linspace(0, 1, 100)
    assert fingerprint(long) != fingerprint(long + 1e-9)
    assert fingerprint([1 + 2j, None, (True, "a")]) == [[1.0, 2.0], None, [True, "a"]]
    assert fingerprint(keras.layers.Dense(3, name="a")) == fingerprint(keras.layers.Dense(3))
    with pytest.raises(TypeError, match="got <object"):
        fingerprint(object())


def test_code_counts_and_comments_do_not(tmp_path):
    texts = {
        "plain": "def f(x):\n    return x + 1\n",
        "told": '"""About."""\n\ndef f(x):\n    """Add."""\n    # one\n    return x + 1\n',
        "other": "def f(x):\n    return x + 2\n",
    }
    code = {}
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
        code[name] = _code(tmp_path / name)
    assert code["plain"] == code["told"] != code["other"]
    assert code_version(SumStudy) != code_version(LearningStudy) == code_version(LearningStudy)
    # bases count, wherever they are
    derived = type("Derived", (LearningStudy,), {"__module__": "nowhere"})
    assert code_version(derived) != code_version(type("Plain", (), {"__module__": "nowhere"}))


TINY = "approaches={{learned: {{kind: impairments, training: {{iterations: 2, batch_size: {}}}}}}}"
MATTERS = {
    "array.num_antennas=12": True,
    "waveform.eta=0.3": False,  # trainings have a share of their own
    "approaches.learned.training.eta=0.3": True,
    "waveform.phi=0.5": True,
    "waveform.num_subcarriers=24": True,
    "waveform.regularization=0.02": True,
    "targets.gain.snr_db=11": True,
    "targets.range_interval=[10, 50]": True,
    "targets.sector_span_deg=[11, 20]": True,
    "link.sector_deg=[31, 50]": True,
    "receiver.window=[3, 3]": True,
    "receiver.num_ranges=33": True,
    "precision=double": True,
    "seed=9": True,
    "evaluation.num_samples=60": False,
    "targets.test_sector_deg=[-30, -10]": False,
    "title=Another": False,
    "num_draws=2": False,
}


@pytest.fixture(scope="module")
def model_key():
    def key(*changes):
        path = __file__.replace("test_engine.py", "tiny_learning.yaml")
        base = [TINY.format(4), "claims=[]", "num_draws=1"]
        study: ApproachStudy = LearningStudy(load_scenario(path, [*base, *changes]))
        return study.key(next(p for p in study.parts() if p.shared))

    return key


def test_a_model_depends_on_what_its_training_sees_and_on_nothing_else(model_key):
    first = model_key()
    assert first == model_key()
    assert first != model_key(TINY.format(6))
    for change, matters in MATTERS.items():
        assert (model_key(change) != first) == matters, change


def test_kinds_that_learn_the_same_share_the_model():
    fields = ["array.num_antennas=8", "training.iterations=2", "training.batch_size=4"]
    learned = load_scenario(__file__.replace("test_engine.py", "tiny.yaml"), fields)
    raw = learned.model_dump(mode="json")
    coded = {k: v for k, v in raw.items() if k not in ("evaluation", "kind", "profile")}
    coded["link"]["channel"].pop("snr_db")
    other = parse_scenario({**coded, "kind": "coded_ber"})
    keys = []
    for scenario in (learned, other):
        study = get_kind(scenario.kind).computation(scenario)
        keys.append(study.key(next(p for p in study.parts() if p.shared)))
    assert keys[0] == keys[1]
