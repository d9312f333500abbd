"""Files that a crash or a full disk cannot harm."""

import json
import os
from contextlib import suppress
from pathlib import Path


def write_atomically(path: Path, content: bytes) -> None:
    """Write ``content`` beside ``path`` and put it in its place: a reader sees old or new, whole.

    What is no file, such as a terminal or a pipe, is written as it is.

    Raises
    ------
    OSError
        Naming ``path``, for example when the disk is full; what was there before is untouched.
    """
    partial = path.with_name(path.name + ".partial")
    try:
        if path.exists() and not path.is_file():
            path.write_bytes(content)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        with suppress(OSError):  # there is none where its folder is the reason
            partial.unlink()
        reason = error.strerror or str(error)
        raise OSError(
            f"{path}: cannot be written ({reason}); what was saved before is whole: make room "
            "and run again"
        ) from None


def write_json(path: Path, report: dict, indent: int | None = 1) -> None:
    """Write a report by :func:`write_atomically`, a line at its end."""
    write_atomically(path, (json.dumps(report, indent=indent) + "\n").encode())
