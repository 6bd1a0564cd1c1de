"""Write and change ONNX models without the onnx package: the few protocol buffer messages that a graph needs.

The field numbers are those of onnx.proto (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

OPSET, IR_VERSION = 17, 8
_TYPES = {"float32": 1, "uint8": 2, "int64": 7, "float16": 10}
_SMALL = 64  # numbers; of fewer, half precision saves less than its node takes


class Graph:
    """A graph builder: nodes in execution order, every value and every node with a name.

    Args:
        halves: store arrays that are exact in half precision as such, and cast them when the graph is opened: the file
            has half the size, and the same results.
    """

    def __init__(self, halves: bool = False) -> None:
        self._halves = halves
        self._nodes: list[bytes] = []
        self._constants: list[bytes] = []
        self._inputs: list[bytes] = []
        self._outputs: list[bytes] = []
        self._count = 0

    def input(self, name: str, shape: Sequence[int | str], dtype: str = "float32") -> str:
        """Declare an input; dimensions given as text are dynamic."""
        self._inputs.append(_value_info(name, shape, dtype))
        return name

    def output(self, value: str, name: str, shape: Sequence[int | str], dtype: str = "float32") -> None:
        """Declare `value` as the output `name`."""
        self._nodes.append(_node("Identity", [value], [name], {}))
        self._outputs.append(_value_info(name, shape, dtype))

    def constant(self, values: NDArray[Any] | Sequence[int] | np.float32) -> str:
        """Add a constant array (float32, or integers as int64)."""
        array = np.asarray(values)
        array = array.astype(np.int64 if array.dtype.kind in "iu" else np.float32, copy=False)
        if self._halves and array.dtype == np.float32 and array.size >= _SMALL:
            with np.errstate(over="ignore"):
                half = array.astype(np.float16)
            if np.array_equal(half, array):
                return self.node("Cast", self._stored(half), to=_TYPES["float32"])
        return self._stored(array)

    def _stored(self, array: NDArray[Any]) -> str:
        name = self._name("c")
        dims = b"".join(_int(1, side) for side in array.shape)
        data = np.ascontiguousarray(array).tobytes()
        self._constants.append(dims + _int(2, _TYPES[array.dtype.name]) + _bytes(8, name) + _bytes(9, data))
        return name

    def node(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Add an operator with one output; return its name."""
        return self.nodes(operator, *inputs, outputs=1, **attributes)[0]

    def nodes(self, operator: str, *inputs: str, outputs: int, **attributes: Any) -> list[str]:
        """Add an operator; return the names of its outputs."""
        names = [self._name("v") for _ in range(outputs)]
        self._nodes.append(_node(operator, inputs, names, attributes))
        return names

    def model(self) -> bytes:
        """Return the graph as the bytes of an ONNX file."""
        graph = b"".join(
            [
                *(_bytes(1, node) for node in self._nodes),
                _bytes(2, "stylezoo"),
                *(_bytes(5, tensor) for tensor in self._constants),
                *(_bytes(11, value) for value in self._inputs),
                *(_bytes(12, value) for value in self._outputs),
            ]
        )
        return _int(1, IR_VERSION) + _bytes(2, "stylezoo") + _bytes(7, graph) + _bytes(8, _int(2, OPSET))

    def _name(self, kind: str) -> str:
        self._count += 1
        return f"{kind}{self._count}"


def _node(operator: str, inputs: Sequence[str], outputs: Sequence[str], attributes: dict[str, Any]) -> bytes:
    # A node is named after its first output: onnxruntime 1.20 names nodes that it makes after those they came from, and
    # two that came from nodes without a name would have one name, which it refuses.
    parts = [_bytes(1, name) for name in inputs] + [_bytes(2, name) for name in outputs]
    parts += [_bytes(3, outputs[0]), _bytes(4, operator)]
    return b"".join(parts + [_bytes(5, _attribute(name, value)) for name, value in attributes.items()])


def _attribute(name: str, value: Any) -> bytes:
    start = _bytes(1, name)
    if isinstance(value, float):
        return start + _key(2, 5) + struct.pack("<f", value) + _int(20, 1)
    if isinstance(value, int):
        return start + _int(3, value) + _int(20, 2)
    if isinstance(value, str):
        return start + _bytes(4, value) + _int(20, 3)
    return start + b"".join(_int(8, int(item)) for item in value) + _int(20, 7)


def _value_info(name: str, shape: Sequence[int | str], dtype: str) -> bytes:
    sides = b"".join(_bytes(1, _int(1, s) if isinstance(s, int) else _bytes(2, s)) for s in shape)
    tensor = _int(1, _TYPES[dtype]) + _bytes(2, sides)
    return _bytes(1, name) + _bytes(2, _bytes(1, tensor))


def _key(field: int, wire: int) -> bytes:
    return _varint(field << 3 | wire)


def _int(field: int, value: int) -> bytes:
    return _key(field, 0) + _varint(value)


def _bytes(field: int, value: str | bytes) -> bytes:
    data = value.encode() if isinstance(value, str) else value
    return _key(field, 2) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    value &= 2**64 - 1  # negative numbers as two's complement
    encoded = bytearray()
    while value > 127:
        encoded.append(value & 127 | 128)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def without_fields(message: bytes, path: Sequence[int]) -> bytes:
    """Return a protocol buffer message without the fields at a path of field numbers, each in the one before."""
    parts = []
    for number, whole, content in _fields(message):
        if number != path[0]:
            parts.append(whole)
        elif len(path) > 1:
            parts.append(_bytes(number, without_fields(content, path[1:])))
    return b"".join(parts)


def _fields(message: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Yield each field's number, its bytes with their key, and its content."""
    place = 0
    while place < len(message):
        start = place
        key, place = _read_varint(message, place)
        wire, begin = key & 7, place
        if wire == 0:
            _, place = _read_varint(message, place)
        elif wire == 2:
            length, begin = _read_varint(message, place)
            place = begin + length
        else:
            place += {1: 8, 5: 4}[wire]
        yield key >> 3, message[start:place], message[begin:place]


def _read_varint(data: bytes, place: int) -> tuple[int, int]:
    """Return the number at a place, and the place after it."""
    value = shift = 0
    while True:
        value |= (data[place] & 127) << shift
        place, shift = place + 1, shift + 7
        if data[place - 1] < 128:
            return value, place
