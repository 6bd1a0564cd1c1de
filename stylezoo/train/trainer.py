"""Train a recipe of any family, with the loop of `stylezoo.train.loop`."""

from __future__ import annotations

import copy
import sys
import time
from contextlib import nullcontext
from pathlib import Path

import torch
from torch.nn.parallel import DistributedDataParallel

from stylezoo.data.crops import RandomCrops
from stylezoo.errors import RecipeError
from stylezoo.losses import PerceptualLoss
from stylezoo.models import StyleNet
from stylezoo.recipe import Recipe
from stylezoo.torch_runtime.memory import device_memory
from stylezoo.train.balance import StyleBalance
from stylezoo.train.checkpoint import TrainingState
from stylezoo.train.distill import Teacher
from stylezoo.train.inputs import build_loss, build_net, find_content, find_styles, fit_styles
from stylezoo.train.loop import Loop
from stylezoo.train.processes import local_world, pick_training_device, processes
from stylezoo.train.rows import chooses_rows, start_rows
from stylezoo.train.run_folder import locked, open_folder
from stylezoo.train.samples import Samples
from stylezoo.train.schedule import ByClock, BySteps
from stylezoo.train.step import Stepper
from stylezoo.types import PathLike
from stylezoo.zoo.families import FAMILIES

SHARE = 4  # 1/SHARE of the free memory may cache photos, and 1/SHARE of the time may prepare styles


def train(
    recipe: Recipe,
    out: PathLike,
    *,
    device: str = "auto",
    resume: bool = False,
    progress: bool = True,
    started: float | None = None,
) -> Path:
    """Train the net of `recipe` and return its run folder, for `stylezoo.load`.

    The folder has recipe.yaml (with all defaults), log.jsonl, samples/, checkpoint.safetensors and weights.safetensors
    (the averaged weights, updated at each checkpoint). A run by steps that is killed and resumed gives bit-identical
    weights, on the same CPU with the same number of threads; on a GPU the last bits may differ, since some kernels sum
    in no fixed order. A run by time (`run.minutes`) that is resumed takes the remaining minutes. Under torchrun, each
    process draws its own photos, gradients are averaged, and the first process writes.

    Args:
        device: "auto" uses a GPU if there is one.
        resume: continue from the folder's checkpoint; otherwise the folder must not have a run. A run with
            `optim.schedule` constant can be extended with more `run.steps` or `run.minutes`: it continues from before
            its learning rate fell.
        progress: show a progress bar on stderr.
        started: the start of `run.minutes`, by `time.monotonic`; None: now.

    Raises:
        TrainingError: the run diverged, or `out` has another run.
        DataError, BackboneError, OptionError: something named by the recipe does not exist, or another process trains
            in `out`.
    """
    started = time.monotonic() if started is None else started
    with processes() as (rank, world), locked(Path(out), rank == 0):
        picked = pick_training_device(device, rank)
        return prepare(recipe, Path(out), picked, resume, progress and rank == 0, rank, world, started).run()


def prepare(
    recipe: Recipe, out: Path, device: torch.device, resume: bool, progress: bool, rank: int, world: int, started: float
) -> Loop:
    """Load and build everything that a run needs."""
    data, run = recipe.data, recipe.run
    checkpoint = open_folder(out, recipe, resume=resume, first=rank == 0)
    photos, held_out = find_content(recipe)
    half = run.precision == "bf16" or (run.precision == "auto" and _has_bf16(device))
    if device.type == "cuda":
        torch.set_float32_matmul_precision("high")
        torch.backends.cudnn.benchmark = True  # all crops have the same size
    if run.minutes and FAMILIES[recipe.model.family].learns_any:
        recipe = fit_styles(recipe, device, 60 * run.minutes / SHARE)
    pictures = find_styles(recipe)
    with torch.autocast(device.type, torch.bfloat16) if half and pictures else nullcontext():  # thousands of them
        loss = build_loss(recipe, pictures, device, progress)
    if pictures:
        pictures.move_to(device, device_memory(device) // SHARE)
    memory = device_memory(torch.device("cpu")) // SHARE if run.memory_mb is None else run.memory_mb * 10**6
    crops = RandomCrops(
        photos, data.crop, data.short_side, run.batch, run.seed, rank, world, device, memory // local_world()
    )
    net = _build_net(recipe, loss, crops, device, resumed=checkpoint is not None, progress=progress)
    average = copy.deepcopy(net).eval().requires_grad_(False)
    optimizer = _build_optimizer(recipe, net, device)
    # With thousands of styles, each is seen too rarely for a meaningful running error.
    balance = StyleBalance(len(pictures or recipe.styles), 0.0 if pictures else recipe.loss.balance)
    state = TrainingState(net, average, optimizer, balance, broken=crops.broken)
    teacher = Teacher(recipe, pictures, device) if run.distill else None
    model = DistributedDataParallel(net) if world > 1 else net
    styles = net.style_sampler(recipe, pictures)
    stepper = Stepper(recipe, state, model, loss, styles, pictures, teacher, rank, world, half)
    if checkpoint is not None:
        state.load(checkpoint)
        crops.broken.update(state.broken or {})
        state.broken = crops.broken
    samples = Samples(recipe, held_out or photos, pictures, device) if run.sample_every and rank == 0 else None
    schedule = ByClock(recipe, started, state.seconds) if run.minutes else BySteps(recipe)
    return Loop(recipe, out, stepper, crops, schedule, samples, progress)


def _build_net(
    recipe: Recipe, loss: PerceptualLoss, crops: RandomCrops, device: torch.device, *, resumed: bool, progress: bool
) -> StyleNet:
    torch.manual_seed(recipe.run.seed)
    net = build_net(recipe)
    if recipe.data.crop % net.multiple:
        raise RecipeError(f"data.crop must be a multiple of {net.multiple} for this net, not {recipe.data.crop}")
    if chooses_rows(recipe, net) and not resumed:
        starts = start_rows(recipe, net, loss.cpu(), torch.cat([crops.at(0), crops.at(1)]).cpu())
        loss.to(device)
        for style, found in zip(recipe.styles, starts, strict=False) if progress else ():
            print(f"{style.id} starts from {found.name}", file=sys.stderr)
    net.to(device)
    if recipe.run.channels_last:
        net.to(memory_format=torch.channels_last)
    return net.train()


def _build_optimizer(recipe: Recipe, net: StyleNet, device: torch.device) -> torch.optim.Optimizer:
    """Return Adam, with one parameter group per share of the learning rate."""
    optim = recipe.optim
    learnt = {name: value for name, value in net.named_parameters() if value.requires_grad}
    groups = [{"params": list(learnt.values()), "share": 1.0}]
    if optim.rows != 1 and "styles" in learnt and len(learnt) > 1:
        groups = [{"params": [learnt.pop("styles")], "share": optim.rows}]
        groups.append({"params": list(learnt.values()), "share": 1.0})
    return torch.optim.Adam(groups, optim.lr, optim.betas, fused=device.type == "cuda" or None)


def _has_bf16(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "cpu" and hasattr(torch.cpu, "get_capabilities"):  # missing in older releases of torch
        return bool(torch.cpu.get_capabilities().get("avx512_bf16", False))
    return False
