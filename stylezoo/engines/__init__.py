"""Many pictures through one model: one after another, by a pool of processes, or over machines by Ray Data.

    from pathlib import Path
    from stylezoo.engines import Job, Work, paint

    jobs = [Job(path, Path("painted") / path.name, "jpeg") for path in sorted(Path("photos").glob("*.jpg"))]
    for outcome in paint(jobs, Work("johnson/mosaic"), engine="pool"):
        print(outcome.job.output, outcome.error or "painted")

None of these modules loads torch before there is something to paint.
"""

from __future__ import annotations

from stylezoo.engines.job import Job
from stylezoo.engines.manifest import Manifest
from stylezoo.engines.run import ENGINES, Engine, paint
from stylezoo.engines.work import Outcome, Work

__all__ = ["ENGINES", "Engine", "Job", "Manifest", "Outcome", "Work", "paint"]
