"""Many pictures through one model: one after another, by a pool of processes, or over machines by Ray Data.

    from pathlib import Path
    from stylezoo.stylizer.batch import Job, Work, stylize

    jobs = [Job(path, Path("stylized") / path.name, "jpeg") for path in sorted(Path("photos").glob("*.jpg"))]
    for outcome in stylize(jobs, Work("johnson/mosaic"), engine="pool"):
        print(outcome.job.output, outcome.error or "stylized")

None of these modules loads torch before there is something to stylize.
"""

from __future__ import annotations

from stylezoo.stylizer.batch.job import Job
from stylezoo.stylizer.batch.manifest import Manifest
from stylezoo.stylizer.batch.run import ENGINES, Engine, stylize
from stylezoo.stylizer.batch.work import Outcome, Work

__all__ = ["ENGINES", "Engine", "Job", "Manifest", "Outcome", "Work", "stylize"]
