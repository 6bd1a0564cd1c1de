"""THE loop: every family that is trained is trained here."""

from __future__ import annotations

import copy
import json
import math
import sys
import time
import warnings
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel
from tqdm import tqdm

from stylezoo.data.images import FLAT, RandomCrops
from stylezoo.errors import RecipeError, TrainingError
from stylezoo.files import replacing
from stylezoo.image.io import write
from stylezoo.image.resize import resize
from stylezoo.losses.perceptual import PHOTO
from stylezoo.models import CIN
from stylezoo.models.table import StyleTable
from stylezoo.train.balance import StyleBalance
from stylezoo.train.checkpoint import TrainingState
from stylezoo.train.consistency import draw_view
from stylezoo.train.distill import Teacher
from stylezoo.train.draw import choose_styles
from stylezoo.train.inputs import build_loss, build_net, find_content, find_styles, sample_batch
from stylezoo.train.processes import any_process, noted_signals, pick_training_device, processes
from stylezoo.train.recipe import Recipe, from_yaml, same_run
from stylezoo.train.rows import encode_rows, save_cards, start_rows
from stylezoo.types import PathLike

COPY = "copy"  # the name of the term while a teacher's pictures are copied
SHOWN = 6  # styles in the samples of a net that takes any picture


def train(recipe: Recipe, out: PathLike, *, device: str = "auto", resume: bool = False, progress: bool = True) -> Path:
    """Train the net of `recipe` and return its run folder, which `stylezoo.load` takes.

    The folder holds recipe.yaml (every default written out), log.jsonl, samples/, checkpoint.safetensors and
    weights.safetensors (the averaged weights, renewed at each checkpoint). A run that is killed at any time and resumed
    ends with the same bits as one that was not, on the same CPU with the same number of threads; on a GPU the last bits
    may differ, since some of its kernels add in no fixed order. Started by torchrun, its processes share the work: each
    draws its own photos, gradients are averaged, and the first process writes.

    Args:
        device: "auto" takes a GPU if there is one.
        resume: go on from the folder's checkpoint; without it a folder that holds a run is refused.
        progress: draw a progress bar on stderr.

    Raises:
        TrainingError: the run diverged, or `out` holds another run.
        DataError, BackboneError, OptionError: something that the recipe names cannot be had.
    """
    out = Path(out)
    with processes() as (rank, world):
        return _Run(recipe, out, pick_training_device(device, rank), resume, progress and rank == 0, rank, world).fit()


class _Run:
    def __init__(
        self, recipe: Recipe, out: Path, device: torch.device, resume: bool, progress: bool, rank: int, world: int
    ) -> None:
        self.recipe, self.out, self.device, self.progress = recipe, out, device, progress
        self.first, self.world = rank == 0, world
        checkpoint = out / "checkpoint.safetensors"
        resume = self._check_folder(checkpoint, resume)
        photos, held_out = find_content(recipe)
        half = recipe.run.precision == "bf16" or (recipe.run.precision == "auto" and _has_bf16(device))
        self.autocast = lambda: torch.autocast(device.type, torch.bfloat16) if half else nullcontext()
        self.pictures = find_styles(recipe)
        with self.autocast() if self.pictures else nullcontext():  # thousands of them
            self.loss = build_loss(recipe, self.pictures, device, progress)
        self.styles = choose_styles(recipe, self.pictures)
        self.teacher = Teacher(recipe, self.pictures, device) if recipe.run.distill else None
        torch.manual_seed(recipe.run.seed)
        net = build_net(recipe)
        data = recipe.data
        if data.crop % net.multiple:
            raise RecipeError(f"data.crop must be a multiple of {net.multiple} for this net, not {data.crop}")
        self.crops = RandomCrops(photos, data.crop, data.short_side, recipe.run.batch, recipe.run.seed, rank, world)
        if isinstance(net, CIN) and recipe.model.base and not resume:
            start_rows(recipe, net, self.loss.cpu(), self.crops.at(0))
            self.loss.to(device)
        net.to(device)
        if recipe.run.channels_last:
            net.to(memory_format=torch.channels_last)
        net.train()
        average = copy.deepcopy(net).eval().requires_grad_(False)
        learnt = [p for p in net.parameters() if p.requires_grad]
        optimizer = torch.optim.Adam(learnt, lr=recipe.optim.lr, betas=recipe.optim.betas)
        # Of thousands of styles each is seen too seldom for its running error to mean anything.
        balance = StyleBalance(len(self.pictures or recipe.styles), 0.0 if self.pictures else recipe.loss.balance)
        self.state = TrainingState(net, average, optimizer, balance, broken=self.crops.broken)
        self.model = DistributedDataParallel(net) if world > 1 else net
        self.spec = recipe.record(dict(net.arch))
        if resume:
            self.state.load(checkpoint)
            self.crops.broken.update(self.state.broken or {})
            self.state.broken = self.crops.broken
        self.samples = None
        if self.first and recipe.run.sample_every:
            self.samples = sample_batch(
                held_out or photos, device, side=160 if self.pictures or len(recipe.styles) > 1 else 256
            )

    def _check_folder(self, checkpoint: Path, resume: bool) -> bool:
        """Refuse a folder that holds another run; return whether there is a checkpoint to go on from."""
        record = self.out / "recipe.yaml"
        if record.exists():
            if not resume and checkpoint.exists():
                raise TrainingError(f"{self.out} holds a run: go on with --resume, or name another folder with --out")
            if resume and (changed := same_run(from_yaml(record), self.recipe)):
                raise TrainingError(
                    f"{self.out} holds a run of another recipe "
                    f"({', '.join(changed[:4])} differ): name another folder with --out"
                )
        elif resume:
            raise TrainingError(f"{self.out} holds no run to resume")
        if self.first:
            with replacing(record) as temporary:
                temporary.write_text(self.recipe.to_yaml(), encoding="utf-8")
            if not checkpoint.exists():
                (self.out / "log.jsonl").unlink(missing_ok=True)
        return checkpoint.exists()

    def fit(self) -> Path:
        run, state = self.recipe.run, self.state
        if self.first:
            _truncate_log(self.out / "log.jsonl", state.step)
        bar = tqdm(total=run.steps, initial=state.step, unit="step", disable=not self.progress, dynamic_ncols=True)
        window: list[tuple[Tensor, dict[str, Tensor]]] = []
        started = time.perf_counter()
        with bar, noted_signals() as signals:
            for batch in self.crops.steps(state.step, run.steps):
                window.append(self.step(batch.to(self.device)))
                if state.step % run.log_every == 0 or state.step in (run.distill, run.steps):
                    seconds = (time.perf_counter() - started) / len(window)
                    bar.set_postfix(self._log(window, seconds))
                    window, started = [], time.perf_counter()
                if state.step % run.checkpoint_every == 0 or state.step == run.steps:
                    self.save()
                if run.sample_every and (state.step % run.sample_every == 0 or state.step == run.steps):
                    self.sample()
                bar.update()
                if any_process(bool(signals), self.device) and state.step < run.steps:
                    self.save()
                    bar.close()
                    if self.first:
                        print(f"stopped after step {state.step}; go on with --resume", file=sys.stderr)
                    raise KeyboardInterrupt
        if not (self.out / "weights.safetensors").exists():
            self.save()
        if self.first and self.crops.broken:
            names = "; ".join(list(self.crops.broken.values())[:3])
            warnings.warn(f"{len(self.crops.broken)} photos could not be read and were skipped: {names}", stacklevel=2)
        return self.out

    def step(self, batch: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Descend once on `batch`, (N, 3, H, W); return the pictures' styles and loss terms of before, (N,) each."""
        state, optim = self.state, self.recipe.optim
        rate = learning_rate(self.recipe, state.step)
        for group in state.optimizer.param_groups:
            group["lr"] = rate
        first = (state.step * self.world + self.crops.rank) * len(batch)
        self.loss.redraw(first)
        with self.autocast():
            if self.teacher and state.step < self.recipe.run.distill:
                style, code = self.styles.choose(state.net, batch, first)
                output = self.model(batch, code)
                terms = {COPY: self.teacher.errors(output, batch, style)}
                each = terms[COPY]
            else:
                draw = self.styles.draw(state.net, self.loss, batch, first, state.step)
                style = draw.style
                output, unsteady = self._paint(batch, draw.code, first)
                terms = self.loss.terms(output, draw.targets, style)
                each = self.loss.total(terms, state.balance.coefficients(style))
                each = sum(draw.terms.values(), each)
                terms |= draw.terms
                if unsteady is not None:
                    each = each + self.recipe.loss.consistency * unsteady
                    terms["consistency"] = unsteady
        total = each.mean()
        total.backward()
        norm = nn.utils.clip_grad_norm_(state.net.parameters(), optim.clip)
        if not torch.isfinite(norm):  # also where the loss is: stop before the weights are lost
            state.optimizer.zero_grad()
            raise TrainingError(
                f"{self.recipe.name}: the loss or its gradient is not finite at step {state.step + 1} "
                f"(loss {total.item():g}, learning rate {rate:g}): the checkpoint before it is kept; "
                f"lower optim.lr or loss.style_weight, or set run.precision=fp32"
            )
        state.optimizer.step()
        state.optimizer.zero_grad()
        state.step += 1
        if COPY not in terms:
            state.balance.observe(style, terms["style"])
        # A short memory at first, so that the random start does not stay in the average.
        decay = min(self.recipe.run.ema, state.step / (state.step + 9))
        with torch.no_grad():
            for mean, value in zip(state.average.parameters(), state.net.parameters(), strict=True):
                mean.lerp_(value, 1 - decay)
        if state.step % self.recipe.run.log_every == 0 and _flat(output) and not _flat(batch):
            raise TrainingError(
                f"{self.recipe.name}: the net gives the same colour everywhere at step {state.step}: "
                f"lower optim.lr, or raise loss.content_weight"
            )
        terms = {"total": each} | terms
        return style, {name: value.detach() for name, value in terms.items()}

    def _paint(self, batch: Tensor, code: Tensor | None, first: int) -> tuple[Tensor, Tensor | None]:
        """Return the paintings of `batch`, and how unsteady each is, (N,), where the recipe has that term."""
        if not self.recipe.loss.consistency:
            return self.model(batch, code), None
        view = draw_view(batch, np.random.default_rng([self.recipe.run.seed, 7, first]))
        both = torch.cat([batch, view.photograph(batch)])
        output, again = self.model(both, code if code is None else torch.cat([code, code])).chunk(2)
        return output, view.error(output, again)

    def _log(self, window: list[tuple[Tensor, dict[str, Tensor]]], seconds: float) -> dict[str, str]:
        """Write the means of a window of steps, over all pictures and, of the style term, for each style."""
        names = [] if self.pictures else [s.id for s in self.recipe.styles]
        style = torch.cat([style for style, _ in window])
        terms = {name: torch.cat([terms[name] for _, terms in window]) for name in window[0][1]}
        painted = style != PHOTO
        sums = torch.stack([term[painted].sum() for term in terms.values()] + [painted.sum()])
        each = torch.zeros(2, len(names) + 1, device=style.device)  # PHOTO, -1, is the last
        told = terms[COPY if COPY in terms else "style"].float()
        each[0].index_add_(0, style % (len(names) + 1), told)
        each[1].index_add_(0, style % (len(names) + 1), torch.ones_like(told))
        if self.world > 1:
            distributed.all_reduce(sums)
            distributed.all_reduce(each)
        means = sums[:-1] / sums[-1].clamp_min(1)
        line: dict[str, Any] = {"step": self.state.step}
        line |= {name: round(mean, 6) for name, mean in zip(terms, means.tolist(), strict=True)}
        if len(names) > 1:
            seen = zip([*names, "photo"], each[0].tolist(), each[1].tolist(), strict=True)
            line["styles"] = {name: round(total / count, 6) for name, total, count in seen if count}
        line |= {"lr": learning_rate(self.recipe, self.state.step - 1), "seconds": round(seconds, 4)}
        if self.first:
            with (self.out / "log.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
        return {name: f"{line[name]:.3f}" for name in (COPY, "content", "style", "consistency") if name in line}

    def save(self) -> None:
        """Write the weights, the cards of styles for a base, and the checkpoint; the first process alone writes."""
        if self.first:
            net = self.state.average
            if self.pictures and isinstance(net, StyleTable):
                encode_rows(self.recipe, net, net)
            net.save_weights(self.out / "weights.safetensors", self.spec)
            if self.recipe.model.base and isinstance(net, CIN):
                save_cards(self.recipe, net, self.out)
            self.state.save(self.out / "checkpoint.safetensors")

    @torch.no_grad()
    def sample(self) -> None:
        """Write a grid: photos above, and a row of what the averaged net makes of them for each style below.

        Of a net that takes any picture the rows begin with the pictures, the first few of those that it learns from.
        """
        if self.samples is not None:
            net, shown, side = self.state.average, self.samples, self.samples.shape[-1]
            if self.pictures is None:
                rows = [shown] + [net(shown, net.named_code(i)) for i in range(len(self.recipe.styles))]
            else:
                chosen = self.pictures.at(torch.arange(0, len(self.pictures), -(-len(self.pictures) // SHOWN)))
                rows = [torch.cat([torch.ones_like(shown[:1]), shown])]
                for picture in chosen.to(self.device).split(1):
                    rows.append(torch.cat([resize(picture, (side, side)), net(shown, net.encode(picture)).clamp(0, 1)]))
            grid = torch.cat([torch.cat(list(row.float()), dim=2) for row in rows], dim=1)
            write(grid.cpu(), self.out / "samples" / f"step_{self.state.step:06d}.png", overwrite=True)


def learning_rate(recipe: Recipe, step: int) -> float:
    """Return the rate of a step, counted from 0: a linear rise, then half a cosine."""
    optim, steps = recipe.optim, recipe.run.steps
    rise = min(1.0, (step + 1) / (optim.warmup + 1))
    done = max(0.0, (step - optim.warmup) / max(1, steps - optim.warmup))
    return optim.lr * rise * (optim.final + (1 - optim.final) * 0.5 * (1 + math.cos(math.pi * done)))


def _flat(x: Tensor) -> bool:
    """Return whether each channel of each picture has one value everywhere."""
    return bool(x.detach().float().std(dim=(2, 3)).max() < FLAT)


def _truncate_log(path: Path, step: int) -> None:
    """Drop the lines behind `step`: they are of work that the kill undid and that is done again."""
    if path.exists():
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [line for line in lines if line.endswith("\n") and json.loads(line)["step"] <= step]
        with replacing(path) as temporary:
            temporary.write_text("".join(kept), encoding="utf-8")


def _has_bf16(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "cpu" and hasattr(torch.cpu, "get_capabilities"):  # which older releases of torch lack
        return bool(torch.cpu.get_capabilities().get("avx512_bf16", False))
    return False
