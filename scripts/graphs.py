"""Write the graphs of the usual trunks and of the style encoder, by which onnxruntime paints, into the package.

    python scripts/graphs.py

The nets are random: a graph holds no weights but those that are made for it.
"""

from __future__ import annotations

from stylezoo.files import replacing
from stylezoo.graphs import ENCODER_NAME, graph_name
from stylezoo.models import Ghiasi, Johnson
from stylezoo.models.skeleton import make_encoder_graph, make_graph
from stylezoo.zoo.store import BUNDLED

TRUNKS = (("compact", 32, 4), ("fast", 64, 5), ("classic", 128, 5))
"""Variant, width and blocks of the trunks of the zoo, and of the well-known nets that people import."""


def main() -> None:
    for variant, width, blocks in TRUNKS:
        net = Johnson(variant, width, blocks)
        write(graph_name(net.arch), make_graph(net))
    write(ENCODER_NAME, make_encoder_graph(Ghiasi(variant="compact", blocks=1, folded=True)))


def write(name: str, graph: bytes) -> None:
    with replacing(BUNDLED / "graphs" / name) as temporary:
        temporary.write_bytes(graph)
    print(f"{name}: {len(graph)} bytes")


if __name__ == "__main__":
    main()
