"""What is written for a system of one's own: the register map, the example, a model's image."""

import json
import re
import subprocess
import sys
from xml.etree import ElementTree

import pytest

from bitstreams import register_map
from bitstreams.verilog import EXAMPLE, example_verilog, write_model
from hw.bus.wrapper import CORE, wrapper_verilog
from hw.spec import find_configuration
from hw.spec.registers import IDENTITY, REGISTERS
from sim.build.control import port_names
from sw.compiler.schedule.network import network_program
from sw.files import load_model


def test_header_json_and_svd_have_every_register():
    header, text = register_map.as_header(), json.loads(register_map.as_json())
    macros = dict(re.findall(r"#define BINARYVIT_(\w+) (0x\w+)u", header))
    assert int(macros.pop("IDENTITY_VALUE"), 16) == IDENTITY == text["identity"]
    assert text["contract"].startswith(macros.pop("CONTRACT_VALUE")[2:].lower())
    expected = {name: 4 * register.address for name, register in REGISTERS.items()}
    assert {name.lower(): int(offset, 16) for name, offset in macros.items()} == expected
    assert {entry["name"]: entry["offset"] for entry in text["registers"]} == expected
    svd = ElementTree.fromstring(register_map.as_svd(0x5000_0000))
    assert svd.findtext(".//baseAddress") == "0x50000000"
    registers = {
        entry.findtext("name").lower(): int(entry.findtext("addressOffset"), 16)
        for entry in svd.iter("register")
    }
    assert registers == expected
    writable = [e.findtext("name") for e in svd.iter("register") if "write" in e.findtext("access")]
    assert writable == ["PROGRAM"]


def test_the_example_names_every_port():
    wrapper = wrapper_verilog()
    ports = port_names(wrapper, "binaryvit")
    assert sorted(re.findall(r"\.(\w+)\(", EXAMPLE.read_text())) == sorted(ports)
    assert f"{CORE} core (" in wrapper


def widths(text):
    """Port to its range, of a Verilog module's ports."""
    ports = re.findall(r"(?:input|output)\s+(?:wire\s+)?(\[\d+:0\])?\s*([sm]_axi_\w+|irq\w*)", text)
    return {name: width for width, name in ports}


@pytest.mark.parametrize("bits", [32, 40])
def test_the_example_has_every_ports_width(bits):
    example = widths(example_verilog(bits))
    assert len(example) > 20 and example["m_axi_awaddr"] == f"[{bits - 1}:0]"
    wrapper = widths(wrapper_verilog(bits))
    assert {name: wrapper[name] for name in example} == example


def test_the_memory_image_is_the_programs(tmp_path):
    configuration = find_configuration("4x8x64-l16")
    program = network_program(load_model("cifar10"), configuration)
    write_model(program, tmp_path)
    assert (tmp_path / "model.bin").read_bytes() == program.memory.tobytes()
    facts = json.loads((tmp_path / "model.json").read_text())
    assert (facts["start_beat"], facts["classes"]) == (program.start, 10)
    patches = (facts["image"] // facts["patch"]) ** 2
    # As the notes say: a patch's bytes, filled up to whole words.
    assert 16 * facts["picture_beats"] % patches == 0
    assert 16 * facts["picture_beats"] // patches >= 3 * facts["patch"] ** 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--config", "nothing"], "configuration 'nothing'"),
        (["--base", "0x123"], "base=0x123 is not a multiple of 4096"),
        (["--model", "none"], "model 'none': no such file"),
        (["--address-bits", "8"], "address_bits=8 is not within 20 to 64"),
    ],
)
def test_bad_input_is_one_line(options, message, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "bitstreams.verilog", "--out", str(tmp_path / "out"), *options],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert message in done.stderr and len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "out").exists()
