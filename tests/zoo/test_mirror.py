from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hub_mirror import mirror_of, needs_olah
from hub_server import HubServer
from huggingface_hub import constants

from stylezoo.errors import HubError
from stylezoo.zoo.catalog import find_remote
from stylezoo.zoo.hub import Repository
from stylezoo.zoo.publish import Entry, publish
from stylezoo.zoo.spec import HubSpec, ModelSpec
from stylezoo.zoo.store import locate

ZOO = Repository(HubSpec(repo="owner/zoo"))


@pytest.mark.slow
@needs_olah
def test_models_are_read_through_a_mirror_and_not_written(
    hub: HubServer,
    make_net: Callable[..., tuple[ModelSpec, Path]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spec, weights = make_net("johnson/dots")
    publish(ZOO, [Entry(spec, weights)])
    monkeypatch.undo()  # time.sleep, for one
    with mirror_of(hub, tmp_path) as url:
        template = constants.HUGGINGFACE_CO_URL_TEMPLATE.replace(constants.ENDPOINT, url)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "ENDPOINT", url)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "through the mirror"))
        monkeypatch.setenv("HF_TOKEN", hub.token)
        assert locate(find_remote("hf:owner/zoo/johnson/dots")).read_bytes() == weights.read_bytes()
        with pytest.raises(HubError, match="takes no changes, as a mirror does"):
            publish(Repository(HubSpec(repo="owner/new")), [Entry(spec, weights)])
