"""Stylize many files with one model: serially, in a pool of processes, or on a cluster with Ray Data.

    from pathlib import Path
    from stylezoo.stylizer.batch import Job, Work, stylize

    jobs = [Job(path, Path("stylized") / path.name, "jpeg") for path in sorted(Path("photos").glob("*.jpg"))]
    for outcome in stylize(jobs, Work("johnson/mosaic"), engine="pool"):
        print(outcome.job.output, outcome.error or "stylized")

None of these modules imports torch before it stylizes.
"""

from __future__ import annotations

from stylezoo.stylizer.batch.job import Job
from stylezoo.stylizer.batch.manifest import Manifest
from stylezoo.stylizer.batch.run import ENGINES, Engine, stylize
from stylezoo.stylizer.batch.work import Outcome, Work

__all__ = ["ENGINES", "Engine", "Job", "Manifest", "Outcome", "Work", "stylize"]
