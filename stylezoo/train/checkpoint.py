"""Save and load the exact state of a run, without pickles."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from stylezoo._files import replacing
from stylezoo.errors import TrainingError
from stylezoo.models import StyleNet
from stylezoo.train.balance import StyleBalance

PLAIN = ("step", "share", "seconds", "broken")  # attributes of a state that are not tensors


@dataclass
class TrainingState:
    """The state of a run: the net, its averaged copy, Adam's moments, the style balance and the number of steps.

    Crops, styles and learning rate are functions of the step, so they are not stored.

    Attributes:
        share: share of the run that was done when its last step began, see `stylezoo.train.schedule`.
        seconds: time that the run has taken, if limited by time.
    """

    net: StyleNet
    average: StyleNet
    optimizer: torch.optim.Optimizer
    balance: StyleBalance
    step: int = 0
    share: float = 0.0
    seconds: float = 0.0
    broken: dict[str, str] | None = None

    def save(self, path: Path) -> None:
        """Write the state to `path` atomically."""
        tensors = {f"net.{k}": v for k, v in self.net.state_dict().items()}
        tensors |= {f"average.{k}": v for k, v in self.average.state_dict().items()}
        for index, moments in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{index}.{k}": v for k, v in moments.items()}
        tensors["balance.error"] = self.balance.error
        # One key: safetensors does not fix the order of several, and equal states should give equal files.
        metadata = {"state": json.dumps({name: getattr(self, name) for name in PLAIN})}
        with replacing(path) as temporary:
            save_file(_writable(tensors), temporary, metadata)

    def load(self, path: Path) -> None:
        """Load the state written by `save`.

        Raises:
            TrainingError: the file is damaged, or is for another net.
        """
        try:
            with safe_open(path, framework="pt") as file:
                state = json.loads((file.metadata() or {})["state"])
                tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a mapping)
            parts: dict[str, dict[str, Tensor]] = {"net": {}, "average": {}, "optimizer": {}, "balance": {}}
            for key, value in tensors.items():
                part, _, rest = key.partition(".")
                parts[part][rest] = value
            self.net.load_state_dict(parts["net"])
            self.average.load_state_dict(parts["average"])
            moments: dict[int, dict[str, Tensor]] = {}
            for key, value in parts["optimizer"].items():
                index, _, name = key.partition(".")
                moments.setdefault(int(index), {})[name] = value
            groups = self.optimizer.state_dict()["param_groups"]
            self.optimizer.load_state_dict({"state": moments, "param_groups": groups})
            self.balance.error = parts["balance"]["error"]
            for name in PLAIN:
                setattr(self, name, state[name])
        except (OSError, SafetensorError, KeyError, ValueError, RuntimeError) as cause:
            raise TrainingError(f"cannot resume from {path}: {cause}: start again in another folder") from cause


def _writable(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {k: v.detach().cpu().contiguous() for k, v in tensors.items()}
