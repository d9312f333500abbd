"""Commands of the pooling unit: token means and the pooled branches."""

from __future__ import annotations

from dataclasses import dataclass

from hw.spec.commands import Opcode, Target
from sw.compiler.schedule.emit import Emitter
from sw.compiler.schedule.image import BlockImage, branch_words
from sw.compiler.schedule.operands import Values
from sw.compiler.schedule.program import Access, At


@dataclass(frozen=True)
class Window:
    """Means of `edge` x `edge` tokens, `outputs` side by side in a picture of `width` columns."""

    edge: int
    outputs: int
    width: int
    shift: int


def grid(e: Emitter, name: str, row: int, x: Values, outputs: Values, window: Window) -> None:
    """GRID: row `row` of the coarser grid, from the picture rows at `x`."""
    fields = {
        "base": At(x.buffer, x.offset),
        "token": x.token_words,
        "row": window.width * x.token_words,
        "height": window.edge,
        "window": window.edge,
        "outputs": window.outputs,
        "words": x.token_words,
        "shift": window.shift,
        "destination_base": At(outputs.buffer, outputs.offset),
        "destination_token": outputs.token_words,
    }
    tokens = (window.edge - 1) * window.width + window.edge * window.outputs
    e.add(
        Opcode.GRID,
        name,
        fields,
        [x.access(tokens, False), outputs.access(window.outputs, True)],
        {"first": row * window.outputs, "tokens": window.outputs},
    )


def branch(e: Emitter, block: BlockImage, row: int, x_rows: list[Values | None], u: Values) -> None:
    """BRANCH: the pooled branches of one picture row; `x_rows` are rows y-2..y+2."""
    parameters = e.once(
        ("branch",),
        lambda: e.load(
            "branch", Target.PARAMETER, "parameters", branch_words(block, e.c), ("branch",)
        ),
    )
    width, centre = block.width, x_rows[2]
    fields: dict[str, int | At] = {
        f"row{i}": At(v.buffer, v.offset) if v else 0 for i, v in enumerate(x_rows)
    }
    fields |= {
        "valid": sum(1 << i for i, v in enumerate(x_rows) if v),
        "token": centre.token_words,
        "width": width,
        "words": centre.token_words,
        "slope_shift": block.branch_slope_shift,
        "destination_base": At(u.buffer, u.offset),
        "destination_token": u.token_words,
        "parameter_base": At(parameters),
    }
    e.add(
        Opcode.BRANCH,
        "branch",
        fields,
        [v.access(width, False) for v in x_rows if v]
        + [u.access(width, True), Access(parameters, 0, parameters.words, False)],
        {"first": row * width, "tokens": width},
    )
