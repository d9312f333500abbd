"""The user's command line.  Commands load PyTorch only where they compute with it."""

import typer

from sw.cli.capability import capability
from sw.cli.classify import classify
from sw.cli.diff import diff
from sw.cli.doctor import doctor
from sw.cli.evaluate import evaluate
from sw.cli.inspect import inspect
from sw.cli.pack import pack
from sw.cli.precision import precision

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Binary vision transformers: the integer model, and the same on the accelerator. "
    "Exit status: 0 done, 1 in diff: something differs, 2 bad input, or a device fails.",
)
for command in (classify, evaluate, precision, diff, pack, inspect, capability, doctor):
    app.command()(command)
