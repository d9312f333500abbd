"""Write the accelerator for a system of one's own: ``python -m bitstreams.verilog --config C``.

Verilog with AXI ports, the register map as JSON, C header and SVD, an example instance and notes
for the integrator.  With ``--model`` also a model's memory image, which the host copies as it is.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from bitstreams import register_map
from hw.bus import AxiAccelerator
from hw.bus.interfaces import check_addresses
from hw.bus.wrapper import CORE, TOP, wrapper_verilog
from hw.spec.configuration import DEFAULT_CONFIGURATION, Configuration, find_configuration
from sim.build import verilog
from sw.bad_input import bad_input
from sw.compiler.schedule.network import NetworkProgram, network_program
from sw.files import load_model

NOTES = Path(__file__).with_name("verilog.md")
EXAMPLE = Path(__file__).with_name("example.v")


def core_verilog(configuration: Configuration, address_bits: int, base: int) -> str:
    """Wrapper and core in one file."""
    core = AxiAccelerator(configuration, address_bits, base)
    heading = (
        f"// BinaryViT accelerator {configuration.name}; memory at 0x{base:X}. Apache-2.0.\n"
        "// Written by bitstreams.verilog.\n"
    )
    return heading + wrapper_verilog(address_bits) + verilog(core, CORE)


def example_verilog(address_bits: int) -> str:
    """An instance of the core in a system whose memory addresses have so many bits."""
    return EXAMPLE.read_text().replace("[31:0]  m_axi_a", f"[{address_bits - 1}:0]  m_axi_a")


def write_core(
    configuration: Configuration, folder: Path, address_bits: int, base: int, registers: int
) -> list[Path]:
    """Writes everything but a model into `folder`; the files' paths."""
    sizes = configuration.describe() | {"digest": configuration.digest}
    texts = {
        f"{TOP}.v": core_verilog(configuration, address_bits, base),
        "registers.json": register_map.as_json(),
        f"{TOP}.h": register_map.as_header(),
        f"{TOP}.svd": register_map.as_svd(registers),
        "configuration.json": json.dumps(sizes, indent=1) + "\n",
        "example.v": example_verilog(address_bits),
        "README.md": NOTES.read_text(),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text)
    return [folder / name for name in texts]


def write_model(program: NetworkProgram, folder: Path) -> list[Path]:
    """Writes a program's memory image, and where things lie in it."""
    facts = {
        "configuration": program.configuration.name,
        "start_beat": program.start,
        "memory_beats": len(program.memory),
        "picture_beat": program.picture_address,
        "picture_beats": program.picture_beats,
        "image": program.image,
        "patch": program.patch,
        "result_beat": program.result_address,
        "result_beats": program.result_beats,
        "classes": program.classes,
        "lanes": program.configuration.lanes,
    }
    (folder / "model.bin").write_bytes(program.memory.astype("<u8").tobytes())
    (folder / "model.json").write_text(json.dumps(facts, indent=1) + "\n")
    return [folder / "model.bin", folder / "model.json"]


def main() -> None:
    """Write the files; one line on standard error and status 2 for bad input."""

    def number(text: str) -> int:
        return int(text, 0)

    parser = argparse.ArgumentParser(description="Write the accelerator as Verilog with AXI ports.")
    parser.add_argument("--config", default=DEFAULT_CONFIGURATION, help="configuration")
    parser.add_argument("--address-bits", type=number, default=32, help="of memory, in bytes")
    parser.add_argument("--base", type=number, default=0, help="byte address of beat 0 of memory")
    parser.add_argument("--registers", type=number, default=0, help="their address, for the SVD")
    parser.add_argument("--model", help="packed file or shipped model to write the image of")
    parser.add_argument("--out", type=Path, help="folder; build/verilog/CONFIG by default")
    options = parser.parse_args()
    folder = options.out or Path("build/verilog") / options.config
    try:
        configuration = find_configuration(options.config)
        check_addresses(options.address_bits, options.base)
        program = None
        if options.model is not None:
            program = network_program(load_model(options.model), configuration)
        files = write_core(
            configuration, folder, options.address_bits, options.base, options.registers
        )
        if program is not None:
            files += write_model(program, folder)
    except (*bad_input(), ValueError) as error:
        print(f"verilog: {error}", file=sys.stderr)
        sys.exit(2)
    for file in files:
        print(f"{file}  {file.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
