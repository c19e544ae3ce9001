"""One clear error for each bad input, and a verification that sees tampered beams."""

from dataclasses import replace

import cvxpy as cp
import numpy as np
import pytest

from sionna_isac.beamforming import (
    BeamSolution,
    SolverError,
    VerificationError,
    communication_only,
    largest_common_rate,
    matrix_approximation,
    maximize_snr,
    maximize_sum_rate,
    minimize_speb,
    sensing_only,
    smallest_power,
    smallest_speb,
    two_stage,
)
from tests.beamforming.cases import random_scene


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"channels": np.full([2, 16], np.nan)}, "channels must be finite"),
        ({"channels": np.ones([16, 2])}, r"channels must have shape \[num_users, 16\]"),
        ({"channels": np.zeros([2, 16])}, "channels must not be zero; got zeros for user 0"),
        ({"target": (0.0, 0.25)}, "must not lie on the array"),
        ({"target": (0.0, 3.0)}, "cannot locate"),
        ({"target": (np.inf, 3.0)}, "target must be finite"),
        ({"element_positions": [0.0], "channels": np.ones([1, 1])}, "at least 3 elements"),
        ({"element_positions": np.ones([4, 2])}, "element_positions must be a vector"),
        ({"reflection": 0.0}, "reflection"),
        ({"no": 0.0}, "no"),
        ({"wavelength": -1.0}, "wavelength"),
        ({"num_snapshots": 0}, "num_snapshots"),
    ],
)
def test_bad_scenes(change, message):
    with pytest.raises(ValueError, match=message):
        replace(random_scene(0), **change)


def test_scene_cannot_be_changed():
    scene = random_scene(0)
    with pytest.raises(ValueError, match="read-only"):
        scene.channels[0, 0] = 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"power": 0.0}, "power"),
        ({"power": -1.0}, "power"),
        ({"power": np.nan}, "power"),
        ({"min_rates": -1.0}, "min_rates"),
        ({"min_rates": [1.0, 2.0, 3.0]}, r"min_rates must have shape \[2\]"),
        ({"min_rates": [1.0, np.nan]}, "min_rates must be finite"),
        ({"num_rf_chains": 5}, "num_rf_chains must divide the 16 antennas"),
        ({"num_rf_chains": 0}, "num_rf_chains"),
        ({"method": "magic"}, "method must be one of"),
        ({"method": "sdr-bcd"}, "method must be one of 'subspace'"),
        ({"method": "sdr", "num_rf_chains": 4}, "method must be one of 'direct'"),
        ({"num_starts": 0}, "num_starts"),
        ({"max_iterations": 3}, "max_iterations is for the methods 'sdr-bcd' and 'sca-bcd'"),
        ({"num_rf_chains": 4, "method": "sdr-bcd", "max_iterations": 0}, "max_iterations"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        minimize_speb(random_scene(0), **({"power": 1.0, "min_rates": 1.0} | arguments))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"power": -1.0}, "power"),
        ({"power": np.nan}, "power"),
        ({"max_speb": 0.0}, "max_speb"),
        ({"max_speb": np.nan}, "max_speb"),
        ({"num_rf_chains": 5}, "num_rf_chains must divide the 16 antennas"),
        ({"method": "magic"}, "method must be one of 'direct', 'sca-bcd'"),
        ({"method": "sdr-bcd", "num_rf_chains": 4}, "method must be one of 'direct', 'sca-bcd'"),
        ({"num_starts": 0}, "num_starts"),
        ({"max_iterations": 3}, "max_iterations is for the methods"),
    ],
)
def test_bad_arguments_of_the_sum_rate(arguments, message):
    with pytest.raises(ValueError, match=message):
        maximize_sum_rate(random_scene(0), **({"power": 1.0, "max_speb": 1.0} | arguments))


@pytest.mark.parametrize(
    ("starts", "error", "message"),
    [
        (None, TypeError, "starts must be a Sequence; got None"),
        ([np.ones([16, 2])], TypeError, "starts must be a BeamSolution; got array"),
        ([sensing_only(random_scene(0, 8), 1.0)], ValueError, r"shape \[16, 2\].*got \[8, 2\]"),
    ],
)
def test_starts_of_beams_for_the_users_alone(starts, error, message):
    with pytest.raises(error, match=message):
        communication_only(random_scene(0), 1.0, 4, starts)


def test_scene_without_users():
    scene = replace(random_scene(0), channels=None)
    assert scene.num_users == 0
    for call in (
        lambda: minimize_speb(scene, 1.0, 1.0),
        lambda: maximize_sum_rate(scene, 1.0, 1.0),
        lambda: maximize_snr(scene, 1.0, 1.0),
        lambda: smallest_power(scene, 1.0),
        lambda: largest_common_rate(scene, 1.0),
    ):
        with pytest.raises(ValueError, match="at least one user"):
            call()
    assert sensing_only(scene, 1.0).sum_rate == 0


@pytest.mark.parametrize("status", ["infeasible", "user_limit", None])
def test_solver_failure(monkeypatch, status):
    def solve(self, **kwargs):
        if status is None:
            raise cp.error.SolverError("numbers")
        self._status = status

    monkeypatch.setattr(cp.Problem, "solve", solve)
    with pytest.raises(SolverError, match="Clarabel"):
        minimize_speb(random_scene(0), 1.0, 1.0, method="sdr")
    # one user: beams of rank one are no optimum of the relaxation, which is needed for the bound
    with pytest.raises(SolverError, match="Clarabel"):
        minimize_speb(random_scene(0, num_users=1), 1e-3, 4.0)


def test_solver_that_stops_early(monkeypatch):
    from sionna_isac.beamforming import _direct

    original = _direct.minimize

    def stopped(*args, **kwargs):
        kwargs["options"] = {"maxiter": 1}
        return original(*args, **kwargs)

    monkeypatch.setattr(_direct, "minimize", stopped)
    with pytest.raises(SolverError, match=r"no (hybrid )?beams"):
        minimize_speb(random_scene(0), 1.0, 8.0, num_rf_chains=4)


@pytest.mark.parametrize("chains", [None, 4])
def test_tampered_beams_are_seen(chains):
    scene, power, rates = random_scene(0), 1.0, np.full(2, 4.0)
    good = minimize_speb(scene, power, rates, chains)

    def verify(factor=1.0, turn=None, allowed=None):
        beams, analog, digital = good.beams, good.analog, good.digital
        if chains is None:
            beams = beams * factor if turn is None else beams @ turn
        else:
            beams, digital = None, digital * factor if turn is None else digital @ turn
        return BeamSolution.verified(
            scene,
            power,
            beams,
            analog=analog,
            digital=digital,
            min_rates=rates,
            max_speb=allowed,
        )

    assert verify().speb == good.speb
    with pytest.raises(VerificationError, match="power exceeds"):
        verify(1.0001)
    with pytest.raises(VerificationError, match="short of its rate"):
        verify(0.9)
    with pytest.raises(VerificationError, match="short of its rate"):
        verify(turn=np.array([[0, 1], [1, 0]]))
    with pytest.raises(VerificationError, match="SPEB exceeds"):
        verify(allowed=0.999 * good.speb)
    with pytest.raises(VerificationError, match="not finite"):
        verify(np.nan)


def test_tampered_structure_is_seen():
    scene = random_scene(0)
    good = minimize_speb(scene, 1.0, 4.0, 4)
    for row, column, value in ((0, 0, 0.9), (0, 3, 1e-3)):
        analog = good.analog.copy()
        analog[row, column] = value
        with pytest.raises(VerificationError, match="not one phase per antenna"):
            BeamSolution.verified(scene, 2.0, analog=analog, digital=good.digital)


@pytest.mark.parametrize(
    "call",
    [
        lambda: minimize_speb(None, 1.0, 1.0),
        lambda: maximize_sum_rate(None, 1.0, 1.0),
        lambda: maximize_snr(None, 1.0, 1.0),
        lambda: smallest_power(None, 1.0),
        lambda: smallest_speb(None, 1.0),
        lambda: largest_common_rate(None, 1.0),
        lambda: sensing_only(None, 1.0),
        lambda: communication_only(None, 1.0),
        lambda: two_stage(None, 1.0, 1.0, 4),
        lambda: matrix_approximation(None, 1.0, None, 4),
        lambda: BeamSolution.verified(None, 1.0, np.ones([16, 2])),
    ],
)
def test_scene_of_a_wrong_type(call):
    with pytest.raises(TypeError, match="scene must be a NearFieldScene; got None"):
        call()


def test_real_channels_are_promoted():
    """Real, integer and listed channels mean the complex ones of the same value."""
    channels = np.eye(2, 16)
    truth = minimize_speb(replace(random_scene(0), channels=channels + 0j), 1.0, 1.0)
    for given in (channels, channels.astype(int), channels.tolist()):
        scene = replace(random_scene(0), channels=given)
        assert scene.channels.dtype == np.complex128
        assert minimize_speb(scene, 1, [1, 1]).speb == pytest.approx(truth.speb, rel=1e-9)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"wavelength": 28e9}, ValueError, r"wavelength must be a length in m.*got 28000000000"),
        ({"no": np.ones(2)}, TypeError, r"no must be a number > 0; got array"),
        ({"no": np.complex128(1 + 1j)}, TypeError, "no must be a number > 0"),
        ({"element_positions": np.arange(16) * 1j}, TypeError, "element_positions must hold real"),
        ({"target": [1 + 1j, 2]}, TypeError, "target must hold real numbers"),
        ({"channels": random_scene(0).channels.T}, ValueError, r"channels must have shape .*16\]"),
        ({"channels": np.full([2, 16], np.nan)}, ValueError, "channels must be finite; got 32 NaN"),
    ],
)
def test_types_and_units_of_a_scene(changes, error, message):
    with pytest.raises(error, match=message):
        replace(random_scene(0), **changes)


GIVEN = {"beams": np.ones([16, 2]) / 10}
PARTS = {"beams": None, "analog": np.ones([16, 4]), "digital": np.ones([3, 2])}


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"power": np.nan}, ValueError, "power must be a finite number > 0; got nan"),
        ({"power": 0}, ValueError, "power must be a finite number > 0; got 0"),
        ({"min_rates": np.full(2, np.nan)}, ValueError, "min_rates must be finite; got 2 NaN"),
        ({"min_rates": np.ones(5)}, ValueError, r"min_rates must have shape \[2\]"),
        ({"max_speb": np.nan}, ValueError, "max_speb must be a finite number > 0; got nan"),
        ({"beams": np.ones(16)}, ValueError, r"beams must be a matrix.*got \[16\]"),
        ({"beams": "beams"}, TypeError, "beams must hold complex numbers"),
        (PARTS, ValueError, r"analog must have shape \[16, 3\].*got shape \[16, 4\]"),
        (PARTS | {"analog": np.ones([16, 3])}, ValueError, "divides the 16 antennas.*got 3"),
        ({"analog": PARTS["analog"]}, TypeError, "give either beams, or analog and digital"),
        (PARTS | GIVEN, TypeError, "give either beams, or analog and digital"),
        ({"beams": None}, TypeError, "give either beams, or analog and digital"),
    ],
)
def test_nothing_unknown_is_verified(arguments, error, message):
    """NaN compares as met: it must not get as far as a comparison."""
    with pytest.raises(error, match=message):
        BeamSolution.verified(random_scene(0), **({"power": 1.0} | GIVEN | arguments))


def test_given_beams_may_be_real_or_listed():
    scene = random_scene(0)
    truth = BeamSolution.verified(scene, 1.0, GIVEN["beams"] + 0j)
    for beams in (GIVEN["beams"], GIVEN["beams"].tolist()):
        assert BeamSolution.verified(scene, 1.0, beams).speb == truth.speb


def test_arguments_of_references():
    scene = random_scene(0)
    good = sensing_only(scene, 1.0)
    with pytest.raises(TypeError, match="solution must be a BeamSolution"):
        matrix_approximation(scene, 1.0, good.beams, 4)
    with pytest.raises(TypeError, match=r"iterations must be an integer >= 0; got 2\.5"):
        matrix_approximation(scene, 1.0, good, 4, iterations=2.5)
    with pytest.raises(ValueError, match="max_speb must be a finite number > 0; got -1"):
        matrix_approximation(scene, 1.0, good, 4, max_speb=-1)
    with pytest.raises(ValueError, match="num_starts must be an integer >= 1; got 0"):
        maximize_snr(scene, 1.0, 1.0, 4, num_starts=0)
