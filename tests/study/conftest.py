"""Studies of tests train for a few steps: graphs are run as they are traced."""

import pytest
import tensorflow as tf


@pytest.fixture(scope="module", autouse=True)
def _no_graph_optimizer(request):
    """TensorFlow takes longer to optimise a graph than such studies run; long ones keep it."""
    short = request.config.option.markexpr == "not slow"
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": short})
    yield
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": False})
