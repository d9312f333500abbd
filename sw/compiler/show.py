"""Tables of the compiler's stages, for people."""

from __future__ import annotations

import numpy as np
from rich.console import Console
from rich.table import Table
from torch import Tensor

from sw.compiler.folded import FoldedNetwork
from sw.compiler.load import FloatNetwork
from sw.compiler.packed import PackedNetwork
from sw.compiler.quantised import QuantisedNetwork


def _table(title: str, columns: str) -> Table:
    table = Table(title=title, title_justify="left")
    for i, column in enumerate(columns.split(",")):
        table.add_column(column, justify="left" if i == 0 else "right")
    return table


def _span(values: Tensor | np.ndarray | None) -> str:
    """Least and greatest."""
    if values is None:
        return ""
    low, high = float(values.min()), float(values.max())
    return f"{low:.4g}" if low == high else f"{low:.4g}..{high:.4g}"


def show_load(network: FloatNetwork, console: Console) -> None:
    """Sizes and the attention clips."""
    console.print(network.shape)
    table = _table("blocks", "block,norm before,norm after,clip c,|weight| of hidden")
    for (stage, block), b in network.blocks.items():
        table.add_row(f"stage{stage}.block{block}", _span(b.before.gain), _span(b.after.gain),
                      f"{b.clip:.4g}", _span(b.hidden.weight.abs()))
    console.print(table)


def show_fold(network: FoldedNetwork, console: Console) -> None:
    """Real parameters of every layer."""
    table = _table("folded layers", "layer,K,outputs,gain,residual gain,bias,slope +,slope -,"
                   "offset,inverted bits")
    for layer in network.layers.values():
        table.add_row(
            layer.name, "" if layer.weight is None else str(layer.weight.shape[1]),
            str(layer.outputs), _span(layer.gain), _span(layer.residual_gain), _span(layer.bias),
            _span(layer.slope_positive), _span(layer.slope_negative), _span(layer.offset),
            " ".join(str(int(t.inverted.sum())) for t in layer.thresholds))
    console.print(table)


def show_packed(network: PackedNetwork, console: Console) -> None:
    """Integer parameters of every layer and block."""
    table = _table("layers", "layer,K,outputs,shifts,fields,constants,thresholds")
    for layer in network.layers.values():
        shifts = " ".join(f"{k.split('_')[0]}:{v}" for k, v in layer.scalars.items()
                          if k.endswith("_shift"))
        fields = " ".join(f for f in layer.parameters if not f.startswith("threshold"))
        thresholds = [v for f, v in layer.parameters.items() if f.startswith("threshold")]
        table.add_row(layer.name, str(layer.inputs), str(layer.outputs), shifts, fields,
                      " ".join(f"{k}={v}" for k, v in layer.constants.items()),
                      " ".join(_span(t) for t in thresholds))
    console.print(table)
    table = _table("blocks", "block,h,r,N,M,index base,c/2,fractions x u r t f")
    for name, b in network.blocks.items():
        fractions = [b.fractions.get(t, "-") for t in (
            "x", "attention.u", "attention.reduced", "attention.t", "ffn.hidden")]
        table.add_row(name, str(b.heads), str(b.reduction), str(b.tokens), str(b.keys),
                      str(b.index_base), f"{b.scale * 2.0 ** -b.scale_shift:.4g}",
                      " ".join(map(str, fractions)))
    console.print(table)
    for name, share in network.saturation.items():
        console.print(f"saturated on calibration pictures: {name} {share:.2e}")
    if not network.saturation:
        console.print("no saturation measured")


def show_quantise(network: QuantisedNetwork, console: Console) -> None:
    """The packed tables, then scales and inverted bits."""
    show_packed(network.packed, console)
    table = _table("scales", "scale group,fraction bits")
    for name, fraction in network.groups.items():
        table.add_row(name, str(fraction))
    console.print(table)
    table = _table("bits stored inverted", "bits,inverted,channels")
    for name, mask in network.inverted.items():
        if mask.any():
            table.add_row(name, str(int(mask.sum())), str(mask.size))
    console.print(table)
