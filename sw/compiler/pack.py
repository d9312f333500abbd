"""Pack: a packed network to and from its safetensors file."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, fields
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from hw.spec.digest import contract_digest
from hw.spec.image import METADATA, VERSION
from hw.spec.numerics import BRANCH_FIELDS, EXP, PARAMETER_FIELDS
from sw.atomic import write_atomically
from sw.compiler.errors import (
    DamagedImage,
    InvalidTensor,
    MissingTensor,
    PackedImageError,
    TruncatedImage,
    WrongContract,
    WrongVersion,
)
from sw.compiler.packed import (
    PackedBlock,
    PackedBranch,
    PackedLayer,
    PackedNetwork,
    Preprocessing,
    Shape,
    block_name,
)
from sw.compiler.validate import validate

ARRAYS = ("weight", "matrix", "position", "bias")
"""Array members of a layer; the classifier's int32 bias shares the name of the parameter."""


def pack(network: PackedNetwork, path: str | Path) -> None:
    """Writes the packed image; equal networks give equal files, byte for byte."""
    tensors: dict[str, np.ndarray] = {}
    for layer in network.layers.values():
        for name in ARRAYS:
            if getattr(layer, name) is not None:
                tensors[f"{layer.name}.{name}"] = getattr(layer, name)
        tensors |= {f"{layer.name}.{k}": v for k, v in layer.parameters.items()}
    for name, branch in network.branches.items():
        tensors |= {f"{name}.branch.{k}": v for k, v in branch.parameters.items()}
    for stage in range(1, network.model.stages + 1):
        tensors[f"stage{stage}.exp"] = network.block(stage, 0).exp
    metadata = {
        "version": str(VERSION),
        "contract": contract_digest(),
        "model": json.dumps(asdict(network.model)),
        "layers": json.dumps(
            {
                layer.name: {
                    "inputs": layer.inputs,
                    "outputs": layer.outputs,
                    "constants": layer.constants,
                    "scalars": layer.scalars,
                }
                for layer in network.layers.values()
            }
        ),
        "blocks": json.dumps(
            {
                name: {
                    f.name: getattr(block, f.name)
                    for f in fields(block)
                    if f.name not in ("name", "exp")
                }
                for name, block in network.blocks.items()
            }
        ),
        "branches": json.dumps({name: b.slope_shift for name, b in network.branches.items()}),
        "scalars": json.dumps(network.scalars),
        "fractions": json.dumps(network.fractions),
        "saturation": json.dumps(network.saturation),
        "preprocessing": json.dumps(asdict(network.preprocessing)),
        "classes": json.dumps(list(network.classes)),
    }
    tensors = {k: np.ascontiguousarray(v) for k, v in tensors.items()}
    metadata["checksum"] = checksum(metadata, tensors)
    write_atomically(Path(path), _in_order(save(tensors, metadata)))


def _in_order(image: bytes) -> bytes:
    """The same file, its metadata by name: safetensors writes them in another order every time."""
    end = 8 + int.from_bytes(image[:8], "little")
    header = json.loads(image[8:end])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + image[end:]


def checksum(metadata: dict[str, str], tensors: dict[str, np.ndarray]) -> str:
    """SHA-256 (hex) of names, types, shapes and bytes of all tensors and of all other metadata."""
    state = hashlib.sha256()
    others = {key: value for key, value in metadata.items() if key != "checksum"}
    shapes = {name: [str(array.dtype), array.shape] for name, array in tensors.items()}
    state.update(json.dumps([others, shapes], sort_keys=True).encode())
    for name in sorted(tensors):
        state.update(tensors[name].tobytes())
    return state.hexdigest()


def read_packed(path: str | Path) -> PackedNetwork:
    """Reads and validates a packed image.

    Raises
    ------
    TruncatedImage, WrongVersion, WrongContract, MissingTensor, InvalidTensor, DamagedImage
        One line each, naming the file and the trouble.
    OSError
        If the file cannot be opened.
    """
    path = Path(path)
    with path.open("rb"):
        pass
    try:
        with safe_open(str(path), "numpy") as file:
            metadata = file.metadata() or {}
            _check_header(path, metadata)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise TruncatedImage(
            f"{path}: not a whole safetensors file ({_line(error)}); pack the model again"
        ) from None
    try:
        network = _assemble(metadata, tensors)
        validate(path, network, tensors)
    except PackedImageError:
        raise
    except KeyError as error:
        raise MissingTensor(f"{path}: lacks {error.args[0]!r}") from None
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        raise InvalidTensor(f"{path}: malformed metadata ({_line(error)})") from None
    # Last, so that whoever writes such files is told what is wrong first.
    if metadata["checksum"] != checksum(metadata, tensors):
        raise DamagedImage(
            f"{path}: damaged, its contents do not match its checksum; copy or pack it again"
        )
    return network


def _line(error: Exception) -> str:
    return str(error).splitlines()[0][:160] if str(error) else type(error).__name__


def _check_header(path: Path, metadata: dict[str, str]) -> None:
    if "version" not in metadata:
        raise MissingTensor(f"{path}: has no version; it is no packed image")
    if metadata["version"] != str(VERSION):
        raise WrongVersion(
            f"{path}: layout version {metadata['version']!r}, this is {VERSION}; "
            "pack the model again"
        )
    if metadata.get("contract") != contract_digest():
        raise WrongContract(
            f"{path}: packed for contract {str(metadata.get('contract'))[:12]}, this is "
            f"{contract_digest()[:12]}; pack the model again"
        )
    missing = [name for name in METADATA if name not in metadata]
    if missing:
        raise MissingTensor(f"{path}: lacks metadata {', '.join(missing)}")


def _assemble(metadata: dict[str, str], tensors: dict[str, np.ndarray]) -> PackedNetwork:
    def read(name: str) -> dict:
        return json.loads(metadata[name])

    def frozen(values: dict) -> dict:
        return {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}

    shape = Shape(**frozen(read("model")))
    layers = {}
    for name, entry in read("layers").items():
        arrays = {a: tensors.get(f"{name}.{a}") for a in ARRAYS}
        if name != "classifier":
            arrays["bias"] = None
        parameters = {
            f: tensors[f"{name}.{f}"]
            for f in PARAMETER_FIELDS
            if f"{name}.{f}" in tensors and name != "classifier"
        }
        layers[name] = PackedLayer(name=name, parameters=parameters, **entry, **arrays)
    blocks = {}
    entries = read("blocks")
    for stage, block in shape.blocks():
        name = block_name(stage, block)
        blocks[name] = PackedBlock(name=name, exp=tensors[f"stage{stage}.exp"], **entries[name])
    branches = {
        name: PackedBranch({f: tensors[f"{name}.branch.{f}"] for f in BRANCH_FIELDS}, int(shift))
        for name, shift in read("branches").items()
    }
    return PackedNetwork(
        model=shape,
        preprocessing=Preprocessing(**frozen(read("preprocessing"))),
        classes=tuple(read("classes")),
        layers=layers,
        blocks=blocks,
        branches=branches,
        scalars=read("scalars"),
        fractions=read("fractions"),
        saturation=read("saturation"),
    )


assert EXP.bits <= 31, "tables are int32"
