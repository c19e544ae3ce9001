"""Studies of tests train for a few steps: graphs are run as they are traced."""

import pytest
import tensorflow as tf


def short(request) -> bool:
    """`True` unless the longer studies run, too."""
    return request.config.option.markexpr == "not slow"


@pytest.fixture(scope="module", autouse=True)
def _no_graph_optimizer(request):
    """TensorFlow takes longer to optimise a graph than such studies run; long ones keep it."""
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": short(request)})
    yield
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": False})


@pytest.fixture(scope="module")
def eager(request):
    """For modules whose studies run for less time than their graphs take to trace."""
    tf.config.run_functions_eagerly(short(request))
    yield
    tf.config.run_functions_eagerly(False)
