"""The register map of :mod:`hw.spec.registers` for other tools: JSON, a C header, and CMSIS-SVD."""

from __future__ import annotations

import json
from xml.etree import ElementTree

from hw.spec.digest import contract_digest
from hw.spec.registers import IDENTITY, REGISTERS

BYTES = 4
STATUS_BITS = (("busy", 0, "a run is in progress"), ("done", 1, "the last run has ended"))


def as_json() -> str:
    """Registers with byte offset, access and meaning."""
    registers = [
        {
            "name": register.name,
            "offset": BYTES * register.address,
            "access": "read-write" if register.writable else "read-only",
            "meaning": register.meaning,
        }
        for register in REGISTERS.values()
    ]
    fields = [{"name": name, "bit": bit, "meaning": text} for name, bit, text in STATUS_BITS]
    return (
        json.dumps(
            {
                "identity": IDENTITY,
                "contract": contract_digest(),
                "registers": registers,
                "status": fields,
            },
            indent=1,
        )
        + "\n"
    )


def as_header() -> str:
    """Offsets and bits as macros of C."""
    lines = [
        "/* Written by bitstreams.verilog from hw/spec/registers.py. */",
        "#ifndef BINARYVIT_REGISTERS_H",
        "#define BINARYVIT_REGISTERS_H",
        "",
        f"#define BINARYVIT_IDENTITY_VALUE 0x{IDENTITY:08X}u",
        f"#define BINARYVIT_CONTRACT_VALUE 0x{contract_digest()[:8].upper()}u",
        "",
    ]
    for register in REGISTERS.values():
        access = "read and write" if register.writable else "read only"
        lines.append(f"/* {register.meaning} ({access}) */")
        lines.append(f"#define BINARYVIT_{register.name.upper()} 0x{BYTES * register.address:02X}u")
    lines.append("")
    for name, bit, text in STATUS_BITS:
        lines.append(f"#define BINARYVIT_STATUS_{name.upper()} (1u << {bit}) /* {text} */")
    return "\n".join([*lines, "", "#endif", ""])


def as_svd(base: int) -> str:
    """A CMSIS-SVD device of one peripheral; `base` is its address in the system."""

    def add(parent: ElementTree.Element, tag: str, text: object = None, **attributes: str):
        element = ElementTree.SubElement(parent, tag, attributes)
        if text is not None:
            element.text = str(text)
        return element

    device = ElementTree.Element("device", {"schemaVersion": "1.3"})
    for tag, text in (
        ("name", "binaryvit"), ("version", "1.0"), ("description", "BinaryViT accelerator"),
        ("addressUnitBits", 8), ("width", 32), ("size", 32), ("access", "read-only"),
    ):  # fmt: skip
        add(device, tag, text)
    peripheral = add(add(device, "peripherals"), "peripheral")
    add(peripheral, "name", "BINARYVIT")
    add(peripheral, "baseAddress", f"0x{base:08X}")
    block = add(peripheral, "addressBlock")
    for tag, text in (("offset", "0x0"), ("size", "0x400"), ("usage", "registers")):
        add(block, tag, text)
    registers = add(peripheral, "registers")
    for register in REGISTERS.values():
        element = add(registers, "register")
        add(element, "name", register.name.upper())
        add(element, "description", register.meaning)
        add(element, "addressOffset", f"0x{BYTES * register.address:02X}")
        add(element, "access", "read-write" if register.writable else "read-only")
        if register.name == "status":
            fields = add(element, "fields")
            for name, bit, text in STATUS_BITS:
                field = add(fields, "field")
                add(field, "name", name.upper())
                add(field, "description", text)
                add(field, "bitRange", f"[{bit}:{bit}]")
    ElementTree.indent(device)
    return ElementTree.tostring(device, "unicode", xml_declaration=True) + "\n"
