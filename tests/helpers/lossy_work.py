"""Work whose processes die, by the name of the picture; a module of its own, which other processes can import."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass

from stylezoo.stylizer.batch import Job, Outcome, Work
from stylezoo.stylizer.batch.work import Worker


@dataclass(frozen=True)
class LossyWork(Work):
    def worker(self, stylizer=None) -> Worker:
        if "loading" in self.options:
            os.kill(os.getpid(), signal.SIGKILL)
        return LossyPainter(self, stylizer or self.load())


class LossyPainter(Worker):
    """Kills its process over deadly.png, and over unlucky.png at the first time; takes long for the label slow."""

    def __call__(self, job: Job) -> Outcome:
        died = job.target.with_suffix(".died")
        if job.source.stem == "deadly" or (job.source.stem == "unlucky" and not died.exists()):
            died.parent.mkdir(exist_ok=True)
            died.write_text(died.read_text() + "died\n" if died.exists() else "died\n")
            os.kill(os.getpid(), signal.SIGKILL)
        if job.label == "slow":
            job.target.with_suffix(".begun").touch()
            time.sleep(600)
        return super().__call__(job)
