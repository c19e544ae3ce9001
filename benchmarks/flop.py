"""Floating-point operations of a TensorFlow function, counted on its traced graph.

Counted is each real addition, subtraction, multiplication, division and elementary function (root,
exponential, logarithm, sine, ...) as one operation: those of matrix products, convolutions,
factorisations and solves by their formulas, a product with K terms as 2K; a complex addition as 2,
a complex multiplication as 6, a complex division as 11. Of operations that are there twice with the
same inputs, one is counted: TensorFlow computes one, XLA not always.

Not counted are comparisons, maxima and selections (hence rectifiers, pooling and searches), signs,
conversions, moves of data and random numbers. Expressions of constants are counted, although a
compiler may evaluate them beforehand.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow as tf

__all__ = ["Count", "count"]

# real operations for each entry of the output: of a real one, of a complex one
_BY_ENTRY: dict[str, tuple[int, int]] = {
    **dict.fromkeys(("Add", "AddV2", "Sub", "BiasAdd", "AssignAddVariableOp"), (1, 2)),
    **dict.fromkeys(("AssignSubVariableOp", "Cumsum"), (1, 2)),
    **dict.fromkeys(("Mul", "MulNoNan", "Square"), (1, 6)),
    **dict.fromkeys(("RealDiv", "Div", "DivNoNan", "Xdivy", "Reciprocal", "Inv"), (1, 11)),
    **dict.fromkeys(("Sqrt", "Rsqrt", "Exp", "Expm1", "Log", "Log1p", "Sin", "Cos"), (1, 1)),
    **dict.fromkeys(("Tan", "Asin", "Acos", "Atan", "Atan2", "Tanh", "Pow"), (1, 1)),
    "ComplexAbs": (4, 4),
    "Sigmoid": (3, 3),
    "Softplus": (2, 2),
    "Softmax": (4, 4),
    "LogSoftmax": (5, 5),
    "SquaredDifference": (2, 8),
    **dict.fromkeys(("TanhGrad", "SigmoidGrad", "SqrtGrad", "InvGrad", "ReciprocalGrad"), (3, 3)),
    "RsqrtGrad": (4, 4),
    "SoftplusGrad": (3, 3),
}
_BY_INPUT = ("Sum", "Mean", "Prod", "BiasAddGrad")
_BY_UPDATE = {  # index of the input that is added to what is there
    "TensorScatterAdd": 2,
    "TensorScatterSub": 2,
    "ScatterNd": 1,
    "UnsortedSegmentSum": 0,
    "ResourceScatterAdd": 2,
}
_NAMES = (
    "Const Placeholder PlaceholderWithDefault Identity IdentityN NoOp StopGradient "
    "PreventGradient ReadVariableOp AssignVariableOp VarHandleOp CheckNumerics Assert "
    "EnsureShape Shape ShapeN Size Rank Reshape Squeeze ExpandDims Transpose Concat ConcatV2 "
    "ConcatOffset Split SplitV Pack Unpack ConjugateTranspose Slice StridedSlice "
    "StridedSliceGrad Pad PadV2 MirrorPad Tile BroadcastTo BroadcastArgs "
    "BroadcastGradientArgs InvertPermutation Gather GatherV2 GatherNd ResourceGather Fill "
    "ZerosLike OnesLike Range LinSpace OneHot Where Select SelectV2 Cast Bitcast Real Imag "
    "Complex Conj Neg Sign Abs Floor Round Rint FloorMod FloorDiv Mod Maximum Minimum Max Min "
    "ArgMax ArgMin TopKV2 Sort Less LessEqual Greater GreaterEqual Equal NotEqual LogicalAnd "
    "LogicalOr LogicalNot All Any IsNan IsFinite IsInf SearchSorted LowerBound UpperBound "
    "Relu ReluGrad MaxPool MaxPoolGrad Diag DiagPart MatrixDiag MatrixDiagV2 MatrixDiagV3 "
    "MatrixDiagPart MatrixDiagPartV2 MatrixDiagPartV3 MatrixSetDiag MatrixSetDiagV3 "
    "MatrixBandPart ReverseV2 Roll StatelessRandomUniformV2 StatelessRandomNormalV2 "
    "StatelessRandomUniformIntV2 StatelessRandomUniformFullIntV2 StatelessRandomGetKeyCounter "
    "StatefulUniform StatefulStandardNormalV2 StatefulUniformInt StatefulUniformFullInt "
    "RngReadAndSkip RngSkip BitwiseAnd BitwiseOr BitwiseXor LeftShift RightShift"
)
_FREE = frozenset(_NAMES.split())
_COMPLEX = (tf.complex64, tf.complex128)


class Count(NamedTuple):
    """Operations of one call.

    Attributes
    ----------
    total : `float`
        Number of operations
    by_type : `Counter`
        The same by type of graph node
    unknown : set of `str`
        Types of nodes that were met and are not counted because nothing is known of them
    """

    total: float
    by_type: Counter[str]
    unknown: set[str]


def count(function: Callable[[], Any]) -> Count:
    """Operations of one call of a function without arguments; it is traced, not called.

    Raises
    ------
    ValueError
        If a tensor that matters has no static shape
    """
    concrete = tf.function(function, autograph=False).get_concrete_function()
    by_type: Counter[str] = Counter()
    unknown: set[str] = set()
    graph = concrete.graph
    ends = [t.op for t in graph.outputs] + list(graph.control_outputs)
    distinct: dict[int, int] = {}
    seen: dict[Any, int] = {}
    for op in _reachable(ends):
        key = _key(op, distinct)
        known = key in seen
        distinct[id(op)] = seen.setdefault(key, len(seen))
        if known:
            continue
        number = _operations(op)
        if number is None:
            unknown.add(op.type)
        elif number:
            by_type[op.type] += number
    return Count(sum(by_type.values()), by_type, unknown)


def _reachable(ends: list[tf.Operation]) -> list[tf.Operation]:
    """Nodes that a result needs, inputs first."""
    order: list[tf.Operation] = []
    done: set[int] = set()
    stack = [(op, False) for op in reversed(ends)]
    while stack:
        op, ready = stack.pop()
        if ready:
            order.append(op)
        elif id(op) not in done:
            done.add(id(op))
            stack.append((op, True))
            needed = [t.op for t in op.inputs] + list(op.control_inputs)
            stack += [(other, False) for other in needed]
    return order


def _key(op: tf.Operation, distinct: dict[int, int]) -> Any:
    """Equal for nodes of equal results: stateless, same type and attributes, same inputs."""
    if op.type == "Placeholder" or (op.op_def.is_stateful and op.type != "ReadVariableOp"):
        return id(op)
    inputs = tuple((distinct[id(t.op)], t.value_index) for t in op.inputs)
    attributes = {k: v for k, v in op.node_def.attr.items() if not k.startswith("_")}
    texts = tuple(sorted((k, v.SerializeToString()) for k, v in attributes.items()))
    return op.type, inputs, texts


def _operations(op: tf.Operation) -> float | None:
    """Operations of a node; `None` if it is not known."""
    kind = op.type
    if kind in _FREE:
        return 0
    dtype = (op.outputs[0] if op.outputs else op.inputs[-1]).dtype.base_dtype
    number = dtype.is_floating or dtype.is_complex
    if not number and (kind in _BY_ENTRY or kind in _BY_INPUT or kind in (*_BY_UPDATE, "AddN")):
        return 0  # indices
    if kind in _BY_ENTRY:
        tensor = op.outputs[0] if op.outputs else op.inputs[-1]
        return _size(tensor) * _BY_ENTRY[kind][dtype in _COMPLEX]
    if kind in _BY_INPUT:
        return (_size(op.inputs[0]) - (kind != "Mean") * _size(op.outputs[0])) * _terms(dtype)
    if kind in _BY_UPDATE:
        return _size(op.inputs[_BY_UPDATE[kind]]) * _terms(dtype)
    if kind == "AddN":
        return (len(op.inputs) - 1) * _size(op.outputs[0]) * _terms(dtype)
    formula = _FORMULAS.get(kind)
    return None if formula is None else formula(op) * (4 if dtype in _COMPLEX else 1)


def _terms(dtype: tf.DType) -> int:
    return 2 if dtype in _COMPLEX else 1


def _shape(tensor: tf.Tensor) -> list[int]:
    if not tensor.shape.is_fully_defined():
        raise ValueError(f"{tensor.op.name} ({tensor.op.type}) has no static shape")
    return tensor.shape.as_list()


def _size(tensor: tf.Tensor) -> int:
    return math.prod(_shape(tensor))


def _product(op: tf.Operation) -> float:
    """2 for each multiplication of a (batched) matrix product."""
    transposed = any(op.get_attr(k) for k in ("transpose_a", "adj_x") if k in op.node_def.attr)
    terms = _shape(op.inputs[0])[-2 if transposed else -1]
    return 2.0 * _size(op.outputs[0]) * terms


def _einsum(op: tf.Operation) -> float:
    """2 for each multiplication of a product of two tensors, additions of one alone."""
    labels = op.get_attr("equation").decode().split("->")[0].split(",")
    extent: dict[str, int] = {}
    for text, tensor in zip(labels, op.inputs, strict=True):
        shape = _shape(tensor)
        if "." in text:
            first, last = text.split("...")
            rest = len(shape) - len(first) - len(last)
            text = first + "".join(chr(0x100 + rest - i) for i in range(rest)) + last
        for label, size in zip(text, shape, strict=True):
            extent[label] = max(size, extent.get(label, 1))
    return math.prod(extent.values()) * (2.0 if len(labels) == 2 else 1.0)


def _convolution(kernel: Callable[[tf.Operation], list[int]], output: int | None) -> Any:
    """2 for each multiplication: entries of the convolution's output times those of a filter.

    The derivatives have the same number; ``output`` is which of their inputs has the shape of
    the output, `None` for the convolution itself.
    """

    def formula(op: tf.Operation) -> float:
        result = op.outputs[0] if output is None else op.inputs[output]
        return 2.0 * _size(result) * math.prod(kernel(op)[:-1])

    return formula


def _cholesky(op: tf.Operation) -> float:
    size = _shape(op.inputs[0])[-1]
    return _size(op.inputs[0]) * size / 3


def _eigenvalues(op: tf.Operation) -> float:
    """Reduction to a tridiagonal matrix, of which the eigenvalues alone are asked for."""
    return 4 / 3 * _size(op.inputs[0]) * _shape(op.inputs[0])[-1]


def _triangular_solve(op: tf.Operation) -> float:
    return float(_size(op.outputs[0]) * _shape(op.inputs[0])[-1])


def _batch_norm(op: tf.Operation) -> float:
    """Mean (1), variance (3) and y = a x + b (2) for each entry; in inference the last only."""
    return (6.0 if op.get_attr("is_training") else 2.0) * _size(op.inputs[0])


_FORMULAS: dict[str, Callable[[tf.Operation], float]] = {
    **dict.fromkeys(("MatMul", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3"), _product),
    "Einsum": _einsum,
    "Conv2D": _convolution(lambda op: _shape(op.inputs[1]), None),
    "Conv2DBackpropInput": _convolution(lambda op: _shape(op.inputs[1]), 2),
    "Conv2DBackpropFilter": _convolution(lambda op: _shape(op.outputs[0]), 2),
    "Cholesky": _cholesky,
    "MatrixTriangularSolve": _triangular_solve,
    "SelfAdjointEigV2": _eigenvalues,
    "FusedBatchNormV3": _batch_norm,
    # sums of dy and dy (x - mean), then dx = a (dy - b - c (x - mean))
    "FusedBatchNormGradV3": lambda op: 9.0 * _size(op.inputs[1]),
    "SoftmaxCrossEntropyWithLogits": lambda op: 8.0 * _size(op.inputs[0]),
    "SparseSoftmaxCrossEntropyWithLogits": lambda op: 8.0 * _size(op.inputs[0]),
}
