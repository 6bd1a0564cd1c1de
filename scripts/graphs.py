"""Write the graphs of the usual trunks, by which onnxruntime paints, into the package.

    python scripts/graphs.py

The nets are random: a graph holds no weights but those that are made for it.
"""

from __future__ import annotations

from stylezoo.files import replacing
from stylezoo.graphs import graph_name
from stylezoo.models import Johnson
from stylezoo.models.skeleton import make_graph
from stylezoo.zoo.store import BUNDLED

TRUNKS = (("compact", 32, 4), ("fast", 64, 5), ("classic", 128, 5))
"""Variant, width and blocks of the trunks of the zoo, and of the well-known nets that people import."""


def main() -> None:
    for variant, width, blocks in TRUNKS:
        net = Johnson(variant, width, blocks)
        path = BUNDLED / "graphs" / graph_name(net.arch)
        with replacing(path) as temporary:
            temporary.write_bytes(make_graph(net))
        print(f"{path.name}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
