"""What users write and what the command line answers: YAML, all errors at once, nearest names."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
import yaml

from sionna_isac.dataset import generate_dataset as generate
from sionna_isac.dataset import open_dataset
from sionna_isac.study import ScenarioError, find_scenarios, load_scenario
from sionna_isac.study.progress import Reporter
from sionna_isac.study.text import dump, parse

HERE = Path(__file__).parent
TINY = HERE / "tiny.yaml"


def call(*words, **options):
    line = [sys.executable, "-m", "sionna_isac.cli", *map(str, words)]
    return subprocess.run(line, capture_output=True, text=True, **options)


# -- YAML ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text, value",
    [
        *(("60e9", 60e9), ("'60e9'", "60e9"), ('"5e10"', "5e10"), ("-.5e-3", -5e-4), ("1.", 1.0)),
        *(("010", 10), ("0x1F", 31), ("0o17", 15), ("+3", 3), ("1_000", "1_000"), ("1:30", "1:30")),
        *(("yes", "yes"), ("off", "off"), ("true", True), ("False", False), ("~", None)),
        *(("2024-01-01", "2024-01-01"), (".inf", float("inf")), ("e5", "e5"), ("1e", "1e")),
        *(("12e3", 12e3), ("12e3.yaml", "12e3.yaml"), ("", None), ("null", None), (".", ".")),
    ],
)
def test_types_are_those_of_yaml_1_2(text, value):
    found = parse(f"a: {text}")["a"]
    assert found == value and type(found) is type(value)


def test_what_is_dumped_is_read_as_the_same_by_us_and_by_others():
    texts = ["5e10", "12e3", "yes", "1:30", "010", "1_000", "", "~", "null", "0o7", "<<", "1.5"]
    value = {"texts": texts, "numbers": [5e10, 1e-5, 10, -3.0, True, None, float("inf")]}
    assert parse(dump(value)) == yaml.safe_load(dump(value)) == value


def test_merge_keys_and_anchors_work():
    text = "a: &x {p: 1, q: 2}\nb: &y\n  <<: *x\n  q: 3\nc:\n  <<: *y\n  r: 4\n"
    assert parse(text)["c"] == {"p": 1, "q": 3, "r": 4}
    assert parse("\ufeffa: 1") == {"a": 1}


TWICE = [
    ("seed: 1\nseed: 2\n", "'seed' stands twice, in line 1 and again in line 2"),
    ("a:\n  b: {x: 1, 'x': 2}\n", "'x' stands twice, in line 2"),
    ("a: [{b: 1}, {c: 1,\n  c: 2}]", "'c' stands twice, in line 1 and again in line 2"),
    ("a: &x {b: 1}\nc:\n  <<: *x\n  <<: *x\n", "'<<' stands twice"),
    ("a: 1\n---\na: 2", "single document"),
    ("a:\n\tb: 1", "line 2"),
    ("a:\n\tb: 1", "not tabs"),
    ("a:\n  b: 1\n   c: 2", "the line is indented too far"),
    ("title: Mine: second", "holds ': ' needs quotes"),
    ("c: 1\na\n  b: 1", "(a key needs a colon"),
    ("[" * 3000, "deeply"),
    ("? [1]\n: 2", "unhashable key"),
    ("a: \x00", "special characters"),
]


@pytest.mark.parametrize("text, reason", TWICE, ids=range(len(TWICE)))
def test_what_is_not_one_mapping_of_unique_keys_is_one_line(tmp_path, text, reason):
    file = tmp_path / "wrong.yaml"
    file.write_text(text)
    with pytest.raises(ScenarioError, match=r"wrong\.yaml") as error:
        load_scenario(file)
    assert reason in str(error.value) and "\n" not in str(error.value)
    profile = "profiles:\n  quick:\n" + "".join(f"    {x}\n" for x in text.splitlines())
    if "stands twice" in reason:
        file.write_text(TINY.read_text() + profile)
        with pytest.raises(ScenarioError, match="stands twice"):
            load_scenario(file)


@pytest.mark.parametrize("content", [b"\xff\xfe\x00a", b"title: \xe9\n", b"", b"- 1\n", b"3\n"])
def test_files_that_are_no_text_or_no_mapping_are_one_line(tmp_path, content):
    file = tmp_path / "wrong.yaml"
    file.write_bytes(content)
    with pytest.raises(ScenarioError, match=r"wrong\.yaml") as error:
        load_scenario(file)
    assert "\n" not in str(error.value)


def test_text_that_looks_like_a_number_stays_text(tmp_path):
    file = tmp_path / "12e3.yaml"
    file.write_text(TINY.read_text().replace("title: tiny", 'title: "5e10"'))
    scenario = load_scenario(file, ["source='1e3'"])
    assert (scenario.name, scenario.title, scenario.source) == ("12e3", "5e10", "1e3")
    assert scenario.array.carrier_frequency == 60e9
    again = tmp_path / "again.yaml"
    again.write_text(dump(scenario.model_dump(mode="json")))
    assert load_scenario(again) == scenario


# -- all errors, nearest names -------------------------------------------------------------------


def test_all_errors_of_a_file_are_told_at_once():
    wrong = ["seed=-1", "array.wings=2", "training.iteration=5", "training.objective=gopsa"]
    with pytest.raises(ScenarioError, match="scenario has 4 errors: ") as error:
        load_scenario(TINY, wrong)
    text = str(error.value)
    for part in ("(1) seed: ", "array.wings: unknown key", "(4) ", "(did you mean 'gospa'?)"):
        assert part in text
    assert "training.iteration: unknown key (did you mean 'iterations'?)" in text
    assert "\n" not in text and "more" not in text


WORDS = [
    (
        "quick",
        "array.carrier_frequency=60",
        "array.carrier_frequency: must be >= 1000000 Hz; got 60",
    ),
    ("quick", "array.carrier_frequency=60 GHz", "must be a number, in Hz; got '60 GHz'"),
    ("quick", "targets.gain.snr_db=1500", "targets.gain.snr_db: must be <= 200 dB; got 1500"),
    (
        "quick",
        "targets.test_sector_deg=[a, 2]",
        "targets.test_sector_deg.0: must be a number, in deg",
    ),
    ("quick", "targets.test_sector_deg=[1, 2, 3]", "must hold at most 2 values; got [1, 2, 3]"),
    ("quick", "evaluation.p_fa=0.1", "evaluation.p_fa: must be a list; got 0.1"),
    ("quick", "targets.gain=rayleigh", "targets.gain: must be a group of keys"),
    ("quick", "training.iterations=1.5", "training.iterations: must be an integer"),
    ("quick", "compile=maybe", "compile: must be true or false; got 'maybe'"),
    ("quick", "title=2024", "title: must be text; got 2024"),
    ("quick", "name=My-Study", "digits and _; got 'My-Study' (it is that of the file, unless"),
    (
        "scattering_quick",
        "sphere.frequency=4.9",
        "sphere.frequency: must be >= 1000000 Hz; got 4.9",
    ),
    ("near_field_quick", "array.carrier_frequency=28", "must be >= 1000000 Hz; got 28"),
    ("localization_ofdm", "echo.carrier_frequency=60", "must be >= 1000000 Hz; got 60"),
    ("localization_near_field", "echo.carrier_frequency=28", "must be >= 1000000 Hz; got 28"),
    ("dataset_quick", "array.carrier_frequency=4.9", "must be >= 1000000 Hz; got 4.9"),
]


@pytest.mark.parametrize("source, change, message", WORDS, ids=[f"{w[0]}-{w[1]}" for w in WORDS])
def test_reasons_name_unit_and_value_in_plain_words(source, change, message):
    with pytest.raises(ScenarioError) as error:
        load_scenario(source, [change])
    assert message in str(error.value)
    assert not any(
        word in str(error.value) for word in ("Input", "tuple", "dictionary", "instance")
    )


def test_a_file_that_is_not_there_is_told_from_a_name(tmp_path):
    with pytest.raises(ScenarioError, match=r"does not exist; .* give its name: quick$"):
        load_scenario(tmp_path / "quick.yaml")
    with pytest.raises(ScenarioError, match=r"mine\.yaml' does not exist$"):
        load_scenario("mine.yaml")
    with pytest.raises(ScenarioError, match="is a folder"):
        load_scenario(tmp_path)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs the device /dev/full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_output_that_does_not_fit_is_one_line(unbuffered):
    environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    with open("/dev/full", "w") as full:
        line = [sys.executable, "-m", "sionna_isac.cli", "show", "quick"]
        done = subprocess.run(line, stdout=full, stderr=subprocess.PIPE, text=True, env=environment)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_pipe_that_is_closed_early_is_no_error(unbuffered):
    read, write = os.pipe()
    os.close(read)
    line = [sys.executable, "-m", "sionna_isac.cli", "show", "quick"]
    environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    done = subprocess.run(line, stdout=write, stderr=subprocess.PIPE, text=True, env=environment)
    os.close(write)
    assert (done.returncode, done.stderr) == (1, "")


NEAREST = [
    ("quick", ["num_antennas=8"], "'array.num_antennas'"),
    ("quick", ["waveform.snr_db=8"], "'targets.gain.snr_db'"),
    ("quick", ["array.num_ranges=8"], "'receiver.num_ranges'"),
    ("quick", ["trainin.iterations=5"], "'training'"),
    ("quick", ["kind=multitarget"], "'multi_target'"),
    ("quick", ["array.impairments=[{kind: spaceing, std: 1}]"], "'spacing'"),
    ("quick", ["array.impairments=[{kind: spacing, std: 1, stdd: 1}]"], "'std'"),
    ("quick", ["link.channel.num_tap=3"], "'num_taps'"),
    ("quick", ["evaluation.methods=[knwon]"], "'known'"),
    ("multi_target_fig8", ["approaches.known.pursit=plain"], "'pursuit'"),
    ("near_field_fig3", ["sweep.vales=[1]"], "'values'"),
    ("range_doppler", ["detection.kind=os"], "'kinds'"),
    ("range_doppler", ["targets.clutter=1"], "'clutter' outside of all groups"),
    ("multi_target_fig33", [], "'multi_target_fig3'"),
    ("Quick", [], "'quick'"),
]


@pytest.mark.parametrize("source, changes, nearest", NEAREST, ids=[n[2] for n in NEAREST])
def test_the_nearest_name_is_suggested(source, changes, nearest):
    with pytest.raises(ScenarioError) as error:
        load_scenario(source, changes)
    assert f"(did you mean {nearest}?)" in str(error.value)


def test_the_nearest_profile_and_command_are_suggested():
    with pytest.raises(ScenarioError, match=r"did you mean 'full'\?"):
        load_scenario("multi_target_fig7", profile="fulll")
    done = call("shwo", "quick")
    assert done.returncode == 2 and "show" in done.stderr and done.stderr.count("\n") == 1


def test_tables_are_whole_in_a_pipe():
    done = call("list", env={**os.environ, "COLUMNS": "60"})
    lines = [line.rstrip() for line in done.stdout.splitlines()]
    assert len(lines) == 1 + len(find_scenarios())
    for name in find_scenarios():
        scenario = load_scenario(name)
        (row,) = [x for x in lines if x.split()[0] == name]
        assert row.endswith(scenario.title) and scenario.kind in row


# -- progress, signals, data sets ----------------------------------------------------------------


def test_before_the_first_step_progress_says_what_it_waits_for(monkeypatch):
    seen = []
    from rich.progress import Progress

    add, update = Progress.add_task, Progress.update
    monkeypatch.setattr(
        Progress, "add_task", lambda self, *a, **k: seen.append(k["note"]) or add(self, *a, **k)
    )
    monkeypatch.setattr(
        Progress, "update", lambda self, *a, **k: seen.append(k["note"]) or update(self, *a, **k)
    )
    with Reporter(quiet=True).task("training", 2, note="compiling") as advance:
        advance(1, "loss 3")
        advance()
    assert seen == ["compiling", "loss 3", ""]


def test_a_quiet_report_leaves_no_output_in_a_notebook(monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda *objects: shown.extend(objects))
    reporter = Reporter(quiet=True)
    reporter.console.is_jupyter = True
    with reporter.task("samples", 2) as advance:
        advance(2)
    assert not shown


@pytest.mark.parametrize("to_group", [False, True], ids=["process", "group"])
def test_a_terminated_data_set_ends_quietly_and_keeps_what_is_computed(tmp_path, to_group):
    out = tmp_path / "set"
    words = ["dataset", "generate", str(HERE / "tiny_dataset.yaml"), "--out", str(out), "--quiet"]
    words += ["--set", "num_samples.train=200", "--workers", "1"]
    process = subprocess.Popen(
        [sys.executable, "-m", "sionna_isac.cli", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 120
    while len(list(out.glob("partial/[a-z]*.npz"))) < 3:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    (os.killpg if to_group else os.kill)(process.pid, signal.SIGTERM)
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, output) == (143, "")
    assert errors == "terminated; the same command goes on from here\n"
    assert len(list(out.glob("partial/[a-z]*.npz"))) >= 3 and not list(out.glob("*.h5"))
    assert not list(out.rglob("*.tmp"))


def test_data_sets_have_named_dimensions(tmp_path):
    scenario = load_scenario(HERE / "tiny_dataset.yaml")
    generate(scenario, tmp_path / "set", workers=0, quiet=True)
    with xr.open_dataset(tmp_path / "set" / "train.h5", engine="h5netcdf") as found:
        sizes = {"sample": 12, "frequency": 2, "rx": 3, "tx": 4, "xyz": 3}
        assert sizes.items() <= dict(found.sizes).items()
        assert found.channel.dims == ("sample", "frequency", "rx", "tx")
        assert found.center.dims == found.dimensions.dims == ("sample", "xyz")
        assert found.iterations.dims == ("sample", "frequency")
        assert found.part_volume.dims == ("sample", "part")
        assert found.tx_position.dims == ("tx", "xyz") and found.range.dims == ("sample",)
        assert not any("phony" in str(d) for d in found.dims)
        np.testing.assert_array_equal(found.frequency, scenario.frequencies)
        dataset = open_dataset(tmp_path / "set")
        np.testing.assert_array_equal(found.channel, dataset.channel(slice(None)))


def test_data_sets_without_named_dimensions_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr("sionna_isac.dataset.store._name_dimensions", lambda store: None)
    scenario = load_scenario(HERE / "tiny_dataset.yaml")
    old = generate(scenario, tmp_path / "old", workers=0, quiet=True)
    monkeypatch.undo()
    new = generate(scenario, tmp_path / "new", workers=0, quiet=True)
    for split in ("train", "test"):
        a, b = (open_dataset(x, split).channel(slice(None)) for x in (old, new))
        np.testing.assert_array_equal(a, b)


# -- the share of the beam -----------------------------------------------------------------------


def test_the_default_beam_serves_the_user():
    assert load_scenario(TINY).waveform.eta == 0.7
    assert load_scenario("multi_target_fig3").waveform.eta == 1  # as its results were computed
