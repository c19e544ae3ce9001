"""How layers may be called, and what NaN does in losses."""

import numpy as np
import pytest
import tensorflow as tf

import sionna_isac as isac


def test_lists_of_numbers_stand_for_arrays():
    array = isac.array.UniformLinearArray(4, 0.01, precision="double")
    np.testing.assert_array_equal(array([0.1, 0.2]), array(np.array([0.1, 0.2])))
    precoder = isac.waveform.LeastSquaresPrecoder(array, np.linspace(-1.5, 1.5, 50))
    assert precoder([[-0.7, -0.3], [0.1, 0.4]]).shape == (2, 4)


def test_one_user_beam_serves_many_sensing_beams():
    precoder = isac.waveform.MultibeamPrecoder(precision="double")
    rng = np.random.default_rng(1)
    many = rng.normal(size=(3, 4)) + 1j * rng.normal(size=(3, 4))
    one = rng.normal(size=(1, 4)) + 0j
    np.testing.assert_allclose(
        precoder(many, one, 0.3, 0.2), precoder(many, np.repeat(one, 3, 0), 0.3, 0.2)
    )


def test_losses_do_not_hide_nan():
    nan = tf.constant([np.nan, 1.0])
    one = tf.constant([1.0, 1.0])
    assert np.isnan(isac.objective.max_loss(nan, one))
    assert np.isnan(isac.objective.max_loss(one, nan))
    assert np.isnan(isac.core.linalg.safe_abs(nan, one, 0.1)[0])
    # graphs rewrite comparisons: a negated one is not the opposite for NaN
    for compiled in (False, True):
        graph = tf.function(isac.core.linalg.safe_abs, jit_compile=compiled)
        assert np.isnan(graph(nan, one, tf.constant(0.1))[0])


@pytest.mark.parametrize("trainable", ["positions", ["gain"], ["positions", "phase"], True])
def test_arrays_keep_what_is_trained_through_their_configuration(trainable):
    array = isac.array.ImpairedArray(4, 0.01, trainable=trainable)
    again = isac.array.ImpairedArray.from_config(array.get_config())
    assert [w.name for w in again.trainable_weights] == [w.name for w in array.trainable_weights]
    array.trainable = False
    assert not isac.array.ImpairedArray.from_config(array.get_config()).trainable_weights


def test_positions_are_sorted_only_where_nothing_else_belongs_to_an_element():
    crossed = np.array([0.0, 2.0, 1.0, 3.0]) * 0.01
    for trainable, ordered in (("positions", True), (["positions", "phase"], False)):
        array = isac.array.ImpairedArray(4, 0.01, element_positions=crossed, trainable=trainable)
        moved = array.positions.constraint(array.positions).numpy()
        assert bool(np.all(np.diff(moved) > 0)) is ordered
        assert moved.mean() == pytest.approx(0, abs=1e-6)


def test_gains_stay_positive_while_they_are_trained():
    array = isac.array.ImpairedArray(4, 0.01, trainable=["gain"])
    assert np.all(array._gain.constraint(tf.constant([-1.0, 0.0, 0.5, 2.0])).numpy() > 0)
