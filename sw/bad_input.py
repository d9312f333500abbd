"""What counts as bad input on every command line: one line on stderr, exit status 2."""

from __future__ import annotations

import sys

from hw.spec import ConfigurationError
from hw.spec.fields import FieldError
from sw.capability.errors import CapabilityError
from sw.compiler.errors import CompileError, PackedImageError
from sw.compiler.schedule import ScheduleError
from sw.data.errors import DataError
from sw.files import InputError


def bad_input() -> tuple[type[Exception], ...]:
    """The exception types, for ``except bad_input() as error``.

    Python asks only once something was raised.  ModelError is among them if its package, which
    loads PyTorch, was imported: without it nothing can have raised one.
    """
    errors = (
        InputError,
        CapabilityError,
        CompileError,
        PackedImageError,
        ConfigurationError,
        ScheduleError,
        FieldError,
        DataError,
        OSError,
    )
    model = sys.modules.get("sw.model.errors")
    return (*errors, model.ModelError) if model else errors
