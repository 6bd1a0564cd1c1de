"""The node pack as ComfyUI uses it: found by its mappings, called with its declared inputs. ComfyUI is not needed."""

from __future__ import annotations

import importlib.util
import json
import sys
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import stylezoo

FOLDER = Path(__file__).parents[2] / "integrations" / "comfyui"
CARD = Path(__file__).parents[2] / "docs" / "cards" / "mosaic.card.safetensors"


@pytest.fixture(scope="module")
def pack() -> Any:
    """The folder, imported as ComfyUI imports a folder of custom_nodes."""
    spec = importlib.util.spec_from_file_location(
        "custom_nodes_stylezoo", FOLDER / "__init__.py", submodule_search_locations=[str(FOLDER)]
    )
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def call(pack: Any, node: str, **inputs: Any) -> Any:
    """Run a node with the defaults of the inputs that are not given, as ComfyUI does."""
    cls = pack.NODE_CLASS_MAPPINGS[node]
    declared = cls.INPUT_TYPES()
    filled = {}
    for name, (kind, *more) in declared["required"].items():
        default = (more[0] if more else {}).get("default", kind[0] if isinstance(kind, list) else None)
        if name in inputs or default is not None:
            filled[name] = inputs.pop(name, default)
    assert inputs.keys() <= declared.get("optional", {}).keys()
    results = getattr(cls(), cls.FUNCTION)(**filled, **inputs)
    assert isinstance(results, tuple) and len(results) == len(cls.RETURN_TYPES)
    return results if len(results) > 1 else results[0]


@pytest.fixture(scope="module")
def net(pack: Any) -> Any:
    return call(pack, "StylezooLoad", name="cin/16", device="cpu")


def images(count: int = 2, height: int = 48, width: int = 64) -> torch.Tensor:
    return torch.rand(count, height, width, 3, generator=torch.Generator().manual_seed(0))


def test_every_image_of_a_batch_is_what_the_package_makes_of_it(pack: Any, net: Any) -> None:
    batch = images()
    style = call(pack, "StylezooNamedStyle", net=net, style="udnie")
    result = call(pack, "StylezooStylize", net=net, image=batch, style=style, strength=0.7)
    assert (result.shape, result.dtype) == (batch.shape, torch.float32)
    model = stylezoo.load("cin/16")
    for photo, stylized in zip(batch, result, strict=True):
        assert np.array_equal(model.stylize(photo.numpy(), "udnie", strength=0.7), stylized.numpy())


def test_one_mask_serves_all_images_at_any_size_and_each_may_have_its_own(pack: Any, net: Any) -> None:
    batch = images()
    half = torch.zeros(1, 96, 128)
    half[:, :, :64] = 1
    style = call(pack, "StylezooNamedStyle", net=net, style="udnie")
    masked = call(pack, "StylezooStylize", net=net, image=batch, style=style, mask=half)
    assert torch.equal(masked[:, :, 40:], batch[:, :, 40:]) and not torch.equal(masked[:, :, :24], batch[:, :, :24])
    both = torch.stack([torch.zeros(48, 64), torch.ones(48, 64)])
    kept, stylized = call(pack, "StylezooStylize", net=net, image=batch, style=style, mask=both)
    assert torch.equal(kept, batch[0]) and not torch.equal(stylized, batch[1])
    with pytest.raises(ValueError, match="2 images need 1 mask or 2 masks, not 3"):
        call(pack, "StylezooStylize", net=net, image=batch, style=style, mask=torch.ones(3, 48, 64))


def test_styles_blend_and_those_of_other_models_do_not(pack: Any, net: Any) -> None:
    batch = images(1)
    a, b = (call(pack, "StylezooNamedStyle", net=net, style=name) for name in ("udnie", "the_kiss"))
    blend = call(pack, "StylezooBlend", a=a, b=b, weight=0.25)
    result = call(pack, "StylezooStylize", net=net, image=batch, style=blend)
    expected = stylezoo.load("cin/16").stylize(batch[0].numpy(), {"udnie": 0.75, "the_kiss": 0.25})
    assert np.allclose(result[0], expected, atol=1 / 255)
    other = call(pack, "StylezooLoad", name="ghiasi/lite", device="cpu")
    with pytest.raises(ValueError, match="same model"):
        call(pack, "StylezooBlend", a=a, b=call(pack, "StylezooStyleFromImage", net=other, image=batch))


def test_an_image_is_a_style_of_models_that_take_any(pack: Any, net: Any) -> None:
    any_style = call(pack, "StylezooLoad", name="ghiasi/lite", device="cpu")
    style = call(pack, "StylezooStyleFromImage", net=any_style, image=images(2, 80, 80))
    result = call(pack, "StylezooStylize", net=any_style, image=images(1), style=style, size=32)
    assert result.shape == (1, 24, 32, 3)
    with pytest.raises(ValueError, match="cin/16"):
        call(pack, "StylezooStyleFromImage", net=net, image=images(1))


def test_a_card_adds_its_style_and_leaves_the_loaded_model_alone(pack: Any, net: Any) -> None:
    extended, style = call(pack, "StylezooStyleFromCard", net=net, card=str(CARD))
    assert "mosaic" in extended.styles and "mosaic" not in net.styles
    assert call(pack, "StylezooStylize", net=extended, image=images(1), style=style).shape == (1, 48, 64, 3)


def test_frames_are_those_of_the_package(pack: Any, net: Any) -> None:
    frames = images(3)
    style = call(pack, "StylezooNamedStyle", net=net, style="udnie")
    result = call(pack, "StylezooVideo", net=net, frames=frames, steady=0.5, style=style)
    expected = list(stylezoo.load("cin/16").stylize_frames([f.numpy() for f in frames], "udnie", steady=0.5))
    assert np.array_equal(result.numpy(), np.stack(expected))


def test_info_names_the_license(pack: Any, net: Any) -> None:
    assert "Apache-2.0" in call(pack, "StylezooInfo", net=net)


def test_the_example_workflow_fits_the_nodes(pack: Any) -> None:
    workflow = json.loads((FOLDER / "workflow.json").read_text(encoding="utf-8"))
    for entry in workflow.values():
        if (cls := pack.NODE_CLASS_MAPPINGS.get(entry["class_type"])) is None:
            assert entry["class_type"] in ("LoadImage", "SaveImage")
            continue
        declared = cls.INPUT_TYPES()
        known = declared["required"] | declared.get("optional", {})
        assert declared["required"].keys() <= entry["inputs"].keys() <= known.keys()
        for name, value in entry["inputs"].items():
            kind = known[name][0]
            if isinstance(value, list):
                source, slot = workflow[value[0]], value[1]
                given = pack.NODE_CLASS_MAPPINGS.get(source["class_type"])
                assert kind == (given.RETURN_TYPES[slot] if given else "IMAGE")
            elif isinstance(kind, list):
                assert value in kind


def test_the_registry_has_what_it_needs(pack: Any) -> None:
    facts = tomllib.loads((FOLDER / "pyproject.toml").read_text(encoding="utf-8"))
    assert facts["project"]["version"] == stylezoo.__version__
    assert facts["tool"]["comfy"].keys() >= {"PublisherId", "DisplayName"}
    assert pack.NODE_DISPLAY_NAME_MAPPINGS.keys() == pack.NODE_CLASS_MAPPINGS.keys()
