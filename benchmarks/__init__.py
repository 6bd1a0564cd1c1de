"""The leaderboard of docs/leaderboard.md: from measurements of `stylezoo bench` and `stylezoo eval` to a page.

It belongs to the repository, not to the package: `python -m benchmarks.leaderboard`.
"""
