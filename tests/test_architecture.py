"""The arrows between the packages, and docstrings that list what the signature has."""

import ast
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from amaranth.lib import wiring

ROOT = Path(__file__).resolve().parents[1]
STANDARD_LIBRARY = frozenset(sys.stdlib_module_names)
VALUE_WORDS = r"round|saturat|clamp|clip|quanti[sz]e|binari[sz]e|popcount|softmax|matmul"


def sources(package: str) -> list[Path]:
    files = sorted((ROOT / package).rglob("*.py"))
    assert files, f"{package}: no Python files; is the layout of the project another one now?"
    return files


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Line and full name of every import, also those inside functions; relative ones resolved."""
    package = path.relative_to(ROOT).with_suffix("").parts[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*base, *([node.module] if node.module else [])])
            for alias in node.names:  # `from hw import spec` imports hw.spec
                yield node.lineno, f"{module}.{alias.name}"


def under(name: str, *packages: str) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def forbidden(package: str, wrong) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in sources(package)
        for line, name in imports(path)
        if wrong(name)
    ]


def test_the_contract_imports_only_the_standard_library():
    def wrong(name: str) -> bool:
        return not under(name, "hw.spec") and name.split(".")[0] not in STANDARD_LIBRARY

    assert forbidden("hw/spec", wrong) == []


def test_the_contract_computes_on_no_values():
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno} defines {node.name}"
        for path in sources("hw/spec")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef) and re.search(VALUE_WORDS, node.name)
    ]
    assert found == [], "rounding and saturation are written in golden and in gateware instead"


def test_gateware_knows_no_software():
    assert forbidden("hw", lambda name: under(name, "sw", "sim", "tests", "torch", "numpy")) == []


def test_software_sees_the_gateware_through_the_contract_only():
    def wrong(name: str) -> bool:
        return under(name, "sim", "tests") or (under(name, "hw") and not under(name, "hw.spec"))

    # The simulated device is the one that software builds; whatever else runs is connected to.
    allowed = re.compile(r"sw/driver/sim\.py:\d+ imports sim\.(native|network)(\.|$)")
    assert [found for found in forbidden("sw", wrong) if not allowed.match(found)] == []


def test_no_arrow_points_at_the_bitstreams():
    found = [f for p in ("hw", "sw", "sim") for f in forbidden(p, lambda n: under(n, "bitstreams"))]
    assert found == []


def test_no_arrow_points_at_the_tests():
    assert forbidden("sim", lambda name: under(name, "tests")) == []


def test_nothing_depends_on_what_is_written_for_boards_and_other_systems():
    for package in ("hw", "sw", "sim"):
        assert forbidden(package, lambda name: under(name, "bitstreams")) == []


@pytest.fixture(scope="module")
def components() -> list[wiring.Component]:
    from hw.registry import components

    return components()


def test_every_component_is_registered(components):
    registered = {(type(c).__module__, type(c).__qualname__) for c in components}
    missing = []
    for path in sources("hw"):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for node in ast.parse(path.read_text()).body:
            bases = [ast.unparse(b) for b in node.bases] if isinstance(node, ast.ClassDef) else []
            known = {"wiring.Component", "Component"} & set(bases)
            if known and (module, node.name) not in registered:
                missing.append(f"{module}.{node.name}")
    assert missing == [], "add an example of each to hw/registry.py"


def documented_members(component: wiring.Component) -> dict[str, str]:
    """Name to In or Out, as the ``Members`` section of the class docstring says."""
    text = inspect.cleandoc(type(component).__dict__.get("__doc__") or "")
    section = re.search(r"^Members\n-+\n(.*?)(?=^\S[^\n]*\n-{3,}\n|\Z)", text, re.M | re.S)
    assert section, f"{type(component).__qualname__}: the docstring has no Members section"
    entries = re.findall(r"^(\w[\w, ]*?) : (In|Out)\b", section.group(1), re.M)
    return {name.strip(): flow for names, flow in entries for name in names.split(",")}


def test_docstrings_list_exactly_the_members(components):
    differences = []
    for component in components:
        written = documented_members(component)
        real = {name: member.flow.name for name, member in component.signature.members.items()}
        if written != real:
            wrong = sorted(set(written.items()) ^ set(real.items()))
            differences.append(f"{type(component).__qualname__}: {wrong}")
    assert differences == []
