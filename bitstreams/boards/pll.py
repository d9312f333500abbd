"""Clock and reset of an ECP5 board: a PLL, and a reset that outlasts configuration and lock."""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import (
    ClockDomain,
    ClockSignal,
    Elaboratable,
    Instance,
    Module,
    ResetSignal,
    Signal,
)
from amaranth.lib.cdc import FFSynchronizer

from bitstreams.tools import ToolError

PFD_HZ = (3.125e6, 400e6)
"""Phase detector; this and the next from the data sheet's sysCLOCK table (FPGA-DS-02012)."""
VCO_HZ = (400e6, 800e6)
DIVIDERS = range(1, 129)
FEEDBACK_DIVIDERS = range(1, 81)
TOLERANCE = 1e-3
RESET_CYCLES = 1 << 12
"""Cycles of reset after lock: block RAM and I/O have long settled after configuration."""


@dataclass(frozen=True)
class Dividers:
    """``output = input / reference * feedback``; the VCO runs `output` times as fast."""

    reference: int
    feedback: int
    output: int

    def output_hz(self, input_hz: float) -> float:
        """Frequency that comes out."""
        return input_hz / self.reference * self.feedback


def pll_dividers(input_hz: float, output_hz: float) -> Dividers:
    """The dividers nearest to `output_hz`; of equals, with the VCO nearest to its middle.

    Raises
    ------
    ToolError
        Nothing comes within `TOLERANCE` of it.
    """
    middle = sum(VCO_HZ) / 2
    best: tuple[tuple[float, float, int], Dividers] | None = None
    for reference in DIVIDERS:
        if not PFD_HZ[0] <= input_hz / reference <= PFD_HZ[1]:
            continue
        for feedback in FEEDBACK_DIVIDERS:
            hz = input_hz / reference * feedback
            for output in DIVIDERS:
                if VCO_HZ[0] <= hz * output <= VCO_HZ[1]:
                    key = (round(abs(hz - output_hz)), abs(hz * output - middle), reference)
                    if best is None or key < best[0]:
                        best = key, Dividers(reference, feedback, output)
    if best is None or best[0][0] > TOLERANCE * output_hz:
        raise ToolError(
            f"clock: no PLL setting gives {output_hz / 1e6:g} MHz from {input_hz / 1e6:g} MHz; "
            "choose a ratio of small numbers between 3.125 and 400 MHz"
        )
    return best[1]


class Ecp5Clock(Elaboratable):
    """Drives clock and reset of ``sync``, at `output_hz` from an oscillator through an EHXPLLL.

    nextpnr derives the constraints of the outputs from the dividers and the oscillator's.  With
    `ratio` above 1 the domain ``memory`` is a clock so many times as fast.  The domain ``late`` is
    the fastest clock some quarters of a period later, or as near as the VCO allows, for what a chip
    outside is clocked with.  Neither has a reset.

    Its reset holds until the PLL has been locked for `RESET_CYCLES` cycles, and again when the
    lock is lost.  The counter's own registers start from their configured values.

    Parameters
    ----------
    input_clock : Signal
        The oscillator's buffered clock.
    input_hz, output_hz : float
        Frequencies.
    ratio : int
        Of the memory's clock to ``sync``'s.
    late_quarters : int
        Quarters of a period of the fastest clock by which ``late`` comes later.

    Attributes
    ----------
    hz : float
        What comes out as ``sync``.
    """

    def __init__(
        self,
        input_clock: Signal,
        input_hz: float,
        output_hz: float,
        *,
        ratio: int = 1,
        late_quarters: int = 1,
    ) -> None:
        self._input_clock, self._ratio, self._late = input_clock, ratio, late_quarters
        self.dividers = pll_dividers(input_hz, output_hz * ratio)
        self.hz = self.dividers.output_hz(input_hz) / ratio

    def elaborate(self, platform) -> Module:  # noqa: D102
        m = Module()
        d, late = self.dividers, self._late * self.dividers.output
        # The same clock without reset, for what makes the reset.
        m.domains.wake = ClockDomain(reset_less=True, local=True)
        clock, locked = Signal(), Signal()
        slower = {}
        if self._ratio > 1:
            divider = d.output * self._ratio
            slower = {
                "p_OUTDIVIDER_MUXC": "DIVC",
                "p_CLKOS2_ENABLE": "ENABLED",
                "p_CLKOS2_DIV": divider,
                "p_CLKOS2_CPHASE": divider - 1,
                "p_CLKOS2_FPHASE": 0,
                "o_CLKOS2": ClockSignal("sync"),
            }
            m.d.comb += ClockSignal("memory").eq(clock)
        else:
            m.d.comb += ClockSignal("sync").eq(clock)
        m.d.comb += ClockSignal("wake").eq(ClockSignal("sync"))
        m.submodules.pll = Instance(
            "EHXPLLL",
            a_ICP_CURRENT="12",
            a_LPF_RESISTOR="8",
            a_MFG_ENABLE_FILTEROPAMP="1",
            a_MFG_GMCREF_SEL="2",
            p_PLLRST_ENA="DISABLED",
            p_INTFB_WAKE="DISABLED",
            p_STDBY_ENABLE="DISABLED",
            p_DPHASE_SOURCE="DISABLED",
            p_FEEDBK_PATH="CLKOP",
            p_OUTDIVIDER_MUXA="DIVA",
            p_CLKI_DIV=d.reference,
            p_CLKFB_DIV=d.feedback,
            p_CLKOP_ENABLE="ENABLED",
            p_CLKOP_DIV=d.output,
            p_CLKOP_CPHASE=d.output - 1,
            p_CLKOP_FPHASE=0,
            p_OUTDIVIDER_MUXB="DIVB",
            p_CLKOS_ENABLE="ENABLED",
            p_CLKOS_DIV=d.output,
            p_CLKOS_CPHASE=d.output - 1 + late // 4,
            p_CLKOS_FPHASE=late % 4 * 2,
            i_CLKI=self._input_clock,
            i_CLKFB=clock,
            i_RST=0,
            i_STDBY=0,
            i_PHASESEL0=0,
            i_PHASESEL1=0,
            i_PHASEDIR=1,
            i_PHASESTEP=1,
            i_PHASELOADREG=1,
            i_PLLWAKESYNC=0,
            i_ENCLKOP=0,
            o_CLKOP=clock,
            o_CLKOS=ClockSignal("late"),
            o_LOCK=locked,
            **slower,
        )
        steady = Signal()
        m.submodules.locked = FFSynchronizer(locked, steady, o_domain="wake")
        left = Signal(range(RESET_CYCLES), init=RESET_CYCLES - 1)
        held = Signal(init=1)
        m.d.wake += held.eq(left != 0)
        with m.If(~steady):
            m.d.wake += left.eq(RESET_CYCLES - 1)
        with m.Elif(left != 0):
            m.d.wake += left.eq(left - 1)
        m.d.comb += ResetSignal("sync").eq(held)
        return m
