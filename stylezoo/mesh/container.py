"""The container of a glTF 2.0 model: .glb, or .gltf with its buffers. It is taken apart and put together again.

The format is https://registry.khronos.org/glTF/specs/2.0/glTF-2.0.html.
"""

from __future__ import annotations

import base64
import binascii
import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

from stylezoo.errors import MeshError
from stylezoo.images.pillow import shown
from stylezoo.mesh.model import Neighbours, file_name, read_bytes, uri_of

MAGIC, JSON, BIN = b"glTF", b"JSON", b"BIN\0"
Json = dict[str, Any]


class Container:
    """A glTF document and its buffers.

    Attributes:
        path: the file.
        document: the JSON; it may be changed.
        buffers: the bytes of each buffer.
        inputs: the files that were read.

    Raises:
        MeshError: the file is damaged, or a part of it is on the network or missing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.inputs = [path]
        data = read_bytes(path, path)
        self.binary = data[:4] == MAGIC
        self._others: list[tuple[bytes, bytes]] = []  # chunks that are neither JSON nor BIN
        text, body = self._chunks(data) if self.binary else (data, None)
        try:
            self.document: Json = json.loads(text)
        except (ValueError, RecursionError) as cause:
            raise self.broken(f"its JSON cannot be read ({cause})") from cause
        version = (self.document.get("asset") or {}) if isinstance(self.document, dict) else {}
        if not str(version.get("version", "")).startswith("2."):
            raise MeshError(f"{shown(path)} is not glTF 2.0: export it again")
        try:
            records = enumerate(self.document.get("buffers", []))
            self.buffers = [self._buffer(index, record, body) for index, record in records]
        except (KeyError, TypeError, AttributeError) as cause:
            raise self.broken(f"its buffers are not described ({type(cause).__name__}: {cause})") from cause

    def broken(self, reason: str) -> MeshError:
        """Return the error of a damaged file."""
        return MeshError(f"{shown(self.path)} is damaged: {reason}; export it again")

    def _chunks(self, data: bytes) -> tuple[bytes, bytes | None]:
        """Return the JSON and the binary chunk of a GLB file, and keep the others."""
        found: dict[bytes, bytes] = {}
        place = 12
        if len(data) < 20 or struct.unpack_from("<II", data, 4) != (2, len(data)):
            raise self.broken("its header does not fit its size")
        while place < len(data):
            if place + 8 > len(data):
                raise self.broken("it is cut short")
            length, kind = struct.unpack_from("<I4s", data, place)
            chunk = data[place + 8 : place + 8 + length]
            if len(chunk) < length:
                raise self.broken("it is cut short")
            if kind in (JSON, BIN) and kind not in found:
                found[kind] = chunk
            else:
                self._others.append((kind, chunk))
            place += 8 + length
        if JSON not in found:
            raise self.broken("it has no JSON")
        return found[JSON], found.get(BIN)

    def _buffer(self, index: int, record: Json, body: bytes | None) -> bytes:
        uri = record.get("uri")
        data = (body or b"") if uri is None else self.load(uri, f"buffer {index}")
        if len(data) < record["byteLength"]:
            raise self.broken(f"buffer {index} is cut short")
        return data

    def load(self, uri: str, what: str) -> bytes:
        """Return what a URI stands for: data, or a file next to the model."""
        if uri.startswith("data:"):
            head, _, text = uri.partition(",")
            try:
                return base64.b64decode(text, validate=True) if head.endswith(";base64") else unquote_to_bytes(text)
            except (ValueError, binascii.Error) as cause:
                raise self.broken(f"{what} is not base64") from cause
        path = self.path.parent / file_name(uri, self.path, what)
        self.inputs.append(path)
        return read_bytes(path, self.path)

    def view(self, index: int) -> bytes:
        """Return the bytes of a buffer view."""
        view = self.document["bufferViews"][index]
        start, length = view.get("byteOffset", 0), view["byteLength"]
        data = self.buffers[view["buffer"]][start : start + length]
        if start < 0 or len(data) < length:
            raise self.broken(f"buffer view {index} is cut short")
        return data

    def replace_views(self, replaced: Mapping[int, bytes]) -> set[int]:
        """Put other bytes into buffer views, at the end of their buffers; return the indices of these buffers.

        The old bytes are cut out unless other views share them. Other views keep theirs and their alignment.
        """
        views = self.document["bufferViews"]
        changed = {views[index]["buffer"] for index in replaced}
        for number in changed:
            own = {index: view for index, view in enumerate(views) if view["buffer"] == number}
            spans = {i: (v.get("byteOffset", 0), v.get("byteOffset", 0) + v["byteLength"]) for i, v in own.items()}
            kept = [span for index, span in spans.items() if index not in replaced]
            made, place, cuts = bytearray(), 0, list[tuple[int, int]]()
            for first, last in sorted(spans[index] for index in own if index in replaced):
                if any(start < last and first < end for start, end in kept):
                    continue
                first = max(place, first + -first % 4)
                last -= (last - first) % 4
                if last > first:
                    made += self.buffers[number][place:first]
                    cuts.append((last, last - first))
                    place = last
            made += self.buffers[number][place:]
            for index, view in own.items():
                if index in replaced:
                    made += bytes(-len(made) % 4)
                    view |= {"byteOffset": len(made), "byteLength": len(replaced[index])}
                    made += replaced[index]
                elif cut := sum(length for end, length in cuts if end <= spans[index][0]):
                    view["byteOffset"] = spans[index][0] - cut
            self.buffers[number] = bytes(made)
            self.document["buffers"][number]["byteLength"] = len(made)
        return changed

    def pack(self, near: Neighbours, changed: set[int]) -> bytes:
        """Return the file at another place, `changed` being the indices of buffers with other bytes."""
        body = None
        for index, (record, data) in enumerate(zip(self.document.get("buffers", []), self.buffers, strict=True)):
            uri = record.get("uri")
            if uri is None:
                body = data
            elif uri.startswith("data:"):
                if index in changed:
                    record["uri"] = data_uri(uri, data)
            else:
                name = file_name(uri, self.path, f"buffer {index}")
                record["uri"] = uri_of(near.changed(name, data)) if index in changed else renamed(uri, name, near)
        text = json.dumps(self.document, ensure_ascii=False, separators=(",", ":")).encode()
        if not self.binary:
            return text
        chunks = [(JSON, text + b" " * (-len(text) % 4))]
        chunks += [] if body is None else [(BIN, body + bytes(-len(body) % 4))]
        packed = b"".join(struct.pack("<I4s", len(chunk), kind) + chunk for kind, chunk in [*chunks, *self._others])
        return struct.pack("<4sII", MAGIC, 2, 12 + len(packed)) + packed


def data_uri(like: str, data: bytes) -> str:
    """Return data as a URI of the media type of another."""
    kind = like.partition(",")[0].removeprefix("data:").removesuffix(";base64")
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def renamed(uri: str, name: str, near: Neighbours) -> str:
    """Return the URI of a file that does not change, which stays as it is written if the name does."""
    kept = near.kept(name)
    return uri if kept == name else uri_of(kept)
