"""What a wheel holds besides files of the checkout: the registry as JSON, which is read without importing YAML."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml
from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class RegistryHook(BuildHookInterface[Any]):
    """Writes zoo.yaml as stylezoo/zoo.json into a wheel; an editable install reads zoo.yaml itself."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        made = Path(self.directory, "zoo.json")
        made.parent.mkdir(parents=True, exist_ok=True)
        registry = yaml.safe_load(Path(self.root, "zoo.yaml").read_text(encoding="utf-8"))
        made.write_text(json.dumps(registry, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")
        build_data["force_include"][str(made)] = "stylezoo/zoo.json"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        Path(self.directory, "zoo.json").unlink(missing_ok=True)
