from __future__ import annotations

from pathlib import Path

import pytest

from scripts.install_size import main, package_sizes


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A site-packages folder with two packages, pip, and a file of no package."""

    def install(name: str, files: dict[str, int]) -> None:
        record = tmp_path / f"{name}-1.0.dist-info" / "RECORD"
        record.parent.mkdir()
        (record.parent / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        own = f"{record.parent.name}/METADATA"
        record.write_text("".join(f"{file},,\n" for file in [*files, own, f"../../../bin/{name}"]))
        for file, size in files.items():
            (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / file).write_bytes(b"x" * size)

    install("large", {"large/__init__.py": 2_000_000, "large.libs/library.so": 1_000_000})
    install("small", {"small.py": 500_000})
    install("pip", {"pip/__init__.py": 9_000_000})
    (tmp_path / "large" / "__pycache__").mkdir()
    (tmp_path / "large" / "__pycache__" / "x.pyc").write_bytes(b"x" * 300_000)  # in no RECORD
    (tmp_path / "lonely.pth").write_bytes(b"x" * 7)
    return tmp_path


def test_every_file_counts_for_its_package_and_pip_for_nothing(site: Path) -> None:
    sizes = package_sizes(site)
    own = {name: sum(f.stat().st_size for f in site.glob(f"{name}-1.0*/*")) for name in ("large", "small")}
    assert sizes == {"large": 3_300_000 + own["large"], "small": 500_000 + own["small"], "": 7}


@pytest.mark.parametrize(("limit", "code"), [(3.5, 1), (4, 0)])
def test_more_than_the_limit_is_an_error(site: Path, limit: float, code: int, capsys: pytest.CaptureFixture) -> None:
    assert main(["--folder", str(site), "--limit", str(limit)]) == code
    out, err = capsys.readouterr()
    assert "3.8 MB  in all" in out and "3.3 MB  large" in out
    assert ("3.5 MB" in err) == bool(code)
