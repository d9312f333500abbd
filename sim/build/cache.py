"""A content-addressed folder of builds, safe for several processes at once."""

import contextlib
import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


def cache_root() -> Path:
    """The cache folder: ``$BVIT_CACHE``, or ``build/simulators`` in the project."""
    return Path(os.environ.get("BVIT_CACHE") or PROJECT / "build" / "simulators").resolve()


def digest(parts: dict[str, str]) -> str:
    """A key (hex, 20 digits of SHA-256) of named texts, independent of their order."""
    state = hashlib.sha256()
    for name in sorted(parts):
        for text in (name, parts[name]):
            data = text.encode()
            state.update(len(data).to_bytes(8, "little"))
            state.update(data)
    return state.hexdigest()[:20]


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on a file; the kernel drops it if this process dies."""
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def fetch_or_make(kind: str, key: str, make: Callable[[Path], None]) -> tuple[Path, bool]:
    """The folder of a finished build, made by `make(folder)` if it is not there yet.

    `make` fills a temporary folder, which is renamed into place when it returns: a folder that
    exists is complete. Returns the folder and whether it was there already.
    """
    root = cache_root()
    folder = root / f"{kind}-{key}"
    if folder.is_dir():
        return folder, True
    root.mkdir(parents=True, exist_ok=True)
    with _locked(root / f"{kind}-{key}.lock"):
        if folder.is_dir():  # another process made it while this one waited
            return folder, True
        scratch = Path(tempfile.mkdtemp(prefix=f".{kind}-", dir=root))
        try:
            make(scratch)
            scratch.rename(folder)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    return folder, False
