"""Whole networks: one program from pixels to logits, against golden, in any order of engines."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from hw.spec import find_configuration
from hw.spec.commands import Opcode, decode
from sw.compiler.fold import fold
from sw.compiler.load import load
from sw.compiler.packed import PackedNetwork, block_name
from sw.compiler.quantise import quantise
from sw.compiler.random_model import RANDOM_MODELS
from sw.compiler.schedule import (
    NetworkProgram,
    ScheduleError,
    allocate,
    assemble,
    network_program,
    stem,
)
from sw.compiler.schedule import network as network_schedule
from sw.golden import network
from sw.golden.machine import Machine
from sw.model import ModelConfig
from tests.sw.compiler.any_order import WAITS, run_in_any_order
from tests.sw.golden.random_model import CONFIGS, pictures, random_model

PYRAMID = ModelConfig(
    image=64,
    patch=2,
    channels=(32, 64, 128),
    depths=(1, 2, 1),
    reduction=(8, 4, 1),
    heads=(1, 2, 4),
    hidden=(96, 128, 128),
    classes=40,
)
"""Its first two stages spill into external memory on a small configuration."""
DEIT = ModelConfig(
    image=16,
    patch=2,
    channels=(64,),
    depths=(2,),
    reduction=(1,),
    heads=(2,),
    hidden=(192,),
    pooled_branches=False,
    layer_scale=False,
    stem_norm=False,
)
MODELS = CONFIGS | {
    "cifar10": RANDOM_MODELS["cifar10"],
    "spilled": PYRAMID,
    "spilled_real": replace(PYRAMID, embedding="real"),
    "spilled_mean": DEIT,
    "spilled_class_token": replace(DEIT, class_token=True),
}
CASES = {
    "l32": replace(find_configuration("7x16x64-l32"), name="small", x_words=512, u_words=512),
    "l16": replace(
        find_configuration("4x8x64-l16"), name="small", x_words=128, u_words=256, row_words=256
    ),
    # Too little u memory: x is spilled, but loads of it find room far ahead of the stores.
    "l16_u": replace(find_configuration("4x8x64-l16"), name="small", u_words=256),
}


def configuration(name: str):
    return CASES[name] if name in CASES else find_configuration(name)


@cache
def packed_model(name: str) -> PackedNetwork:
    config = MODELS[name]
    return quantise(fold(load(random_model(config))), pictures(config, 4, 1)).packed


@cache
def scheduled(model: str, name: str) -> NetworkProgram:
    return network_program(packed_model(model), configuration(name))


def prepare(model: str, name: str, seed: int = 2, program: NetworkProgram | None = None):
    """Golden's logits, the program, a machine with the picture in its external memory."""
    packed, program = packed_model(model), program or scheduled(model, name)
    picture = pictures(MODELS[model], 1, seed)
    expected = network.run(packed, picture)[0].numpy()
    assert len(np.unique(expected)) > 2, "a degenerate model shows nothing"
    machine = Machine(program.configuration, program.memory.copy())
    first = program.picture_address
    machine.external[first : first + program.picture_beats] = program.picture(picture[0].numpy())
    return expected, program, machine


def logits(program: NetworkProgram, machine: Machine) -> np.ndarray:
    first = program.result_address
    return program.logits(machine.external[first : first + program.result_beats])


SPILLED = [
    ("spilled", "l32"),
    ("spilled_real", "l32"),
    ("spilled_mean", "l16"),
    ("spilled_class_token", "l16"),
    ("spilled_class_token", "l16_u"),
]


@pytest.mark.parametrize(
    ("model", "name"),
    [(model, name) for model in CONFIGS for name in ("7x16x64-l32", "3x4x64-l8")]
    + [("cifar10", "4x8x64-l16"), *SPILLED],
)
def test_logits_are_golden_s(model, name):
    expected, program, machine = prepare(model, name)
    assert (program.regions["spills"] > 0) == model.startswith("spilled")
    machine.run(program.words)
    np.testing.assert_array_equal(logits(program, machine), expected)


BATCHES = [
    ("pyramid", "7x16x64-l32", 3),
    ("real", "4x8x64-l16", 2),
    ("class_token", "3x4x64-l8", 2),
    ("cifar10", "4x8x64-l16", 2),
    ("cifar10", "7x16x64-l32", 6),
]


@pytest.mark.parametrize(("model", "name", "batch"), BATCHES)
@pytest.mark.parametrize("seed", [None, 0])
def test_a_batch_gives_golden_s_logits_of_every_picture(model, name, batch, seed):
    packed, single = packed_model(model), scheduled(model, name)
    program = network_program(packed, configuration(name), batch)
    images = pictures(MODELS[model], batch, 3)
    expected = network.run(packed, images).numpy()
    assert len(np.unique(expected, axis=0)) == batch
    machine = Machine(program.configuration, program.memory.copy())
    beats = program.pictures(images.numpy())
    machine.external[program.picture_address :][: len(beats)] = beats
    if seed is None:
        machine.run(program.words)
    else:
        run_in_any_order(machine, program.words, seed)
    result = machine.external[program.result_address :][: batch * program.result_beats]
    np.testing.assert_array_equal(program.batch_logits(result), expected)
    for kind in ("weights", "parameters", "positions"):  # in memory once
        assert program.regions[kind] == single.regions[kind]
    assert loaded(program) == loaded(single)  # and fetched once


def loaded(program: NetworkProgram) -> int:
    """Words of weights and parameters that a run fetches."""
    return sum(
        operation.fields["words"]
        for operation in program.operations
        if operation.opcode is Opcode.LOAD
        and operation.accesses[0].buffer.memory in ("column", "parameter")
    )


@pytest.mark.parametrize(
    ("model", "name", "batch", "why"),
    [
        ("pyramid", "4x8x64-l16", 0, "batch=0 is below 1; use 1"),
        ("spilled", "l32", 2, "batch=2: stage 1.*; use a configuration with more x_words, or a sm"),
        ("cifar10", "4x8x64-l16", 5, "batch=5: .*; use a configuration with more .*, or a smaller"),
    ],
)
def test_a_batch_that_does_not_fit_is_refused(model, name, batch, why):
    with pytest.raises(ScheduleError, match=why):
        network_program(packed_model(model), configuration(name), batch)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("model", "name"), [("pyramid", "2x8x64-l8"), ("real", "4x8x64-l16"), *SPILLED]
)
def test_waits_cover_every_hazard_between_engines(model, name, seed):
    expected, program, machine = prepare(model, name)
    run_in_any_order(machine, program.words, seed)
    np.testing.assert_array_equal(logits(program, machine), expected)


def test_a_missing_wait_is_noticed():
    """The order test can fail: without waits some order computes something else."""
    wrong = 0
    for seed in range(3):
        expected, program, machine = prepare("pyramid", "4x8x64-l16")
        run_in_any_order(machine, [word & ~WAITS for word in program.words], seed)
        wrong += not np.array_equal(logits(program, machine), expected)
    assert wrong


def test_picture_has_a_token_s_pixels_behind_one_another():
    program = scheduled("pyramid", "4x8x64-l16")
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    tokens = program.picture(pixels).view(np.uint8).reshape(64, 32)
    assert tokens.shape[0] * 2 == program.picture_beats
    for row in range(8):
        for column in range(8):
            patch = pixels[2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
            np.testing.assert_array_equal(tokens[row * 8 + column, :12], patch.reshape(-1))
    assert not tokens[:, 12:].any()


@pytest.mark.parametrize(
    "pixels", [np.zeros((16, 16, 3), np.int64), np.zeros((16, 15, 3), np.uint8)]
)
def test_another_picture_is_refused(pixels):
    with pytest.raises(ValueError, match=r"picture is .* the program takes uint8 \(16, 16, 3\)"):
        scheduled("pyramid", "4x8x64-l16").picture(pixels)


def test_logits_have_32_bits():
    program = scheduled("pyramid", "4x8x64-l16")
    values = np.array([0, -1, 65535, -65536, 2**31 - 1, -(2**31), 40000, -40000, 5, 6], np.int32)
    halves = np.zeros((2, 16), np.uint16)
    halves[0, :10], halves[1, :10] = values & 0xFFFF, values >> 16 & 0xFFFF
    np.testing.assert_array_equal(program.logits(halves.view(np.uint64).reshape(-1, 2)), values)


def test_regions_are_all_of_external_memory():
    program = scheduled("spilled", "l32")
    assert sum(program.regions.values()) == len(program.memory)
    assert program.regions["picture"] == program.picture_beats
    assert program.regions["result"] == program.result_beats
    assert program.regions["program"] >= 4 * len(program.words)
    assert min(program.regions.values()) > 0
    spills = np.ones(len(program.memory), bool)
    spills[program.regions["spills"] :] = False
    for word in program.words:
        opcode, fields = decode(word)
        if opcode is Opcode.STORE:
            at = fields["address"]
            assert spills[at] or at == program.result_address


def reads(program: NetworkProgram) -> dict[str, float]:
    """How often each block brings its x to x memory."""
    words = Counter()
    for operation in program.operations:
        if operation.layer == "x.load":
            words[operation.block] += operation.fields["words"]
    shape, lanes = packed_model("spilled").model, program.configuration.lanes
    x_words = {
        block_name(stage, block): shape.tokens(stage) * shape.channels[stage - 1] // lanes
        for stage, block in shape.blocks()
    }
    return {block: count / x_words[block] for block, count in words.items()}


def test_a_spilled_x_is_read_once_where_its_maker_pools_it():
    program = scheduled("spilled", "l32")
    assert reads(program) == {"stage1.block0": 1, "stage2.block0": 1, "stage2.block1": 1}
    first = {}
    for i, operation in enumerate(program.operations):
        first.setdefault((operation.block, operation.layer), i)
    assert first["stage2.block1", "attention.pooled_mean"] < first["stage2.block1", "x.load"]


def test_a_spilled_x_is_read_twice_where_its_maker_has_no_room_for_windows(monkeypatch):
    monkeypatch.setattr(stem, "_windows", lambda *_: None)
    program = network_program(packed_model("spilled"), configuration("l32"))
    assert reads(program) == {"stage1.block0": 2, "stage2.block0": 1, "stage2.block1": 1}
    expected, _, machine = prepare("spilled", "l32", program=program)
    machine.run(program.words)
    np.testing.assert_array_equal(logits(program, machine), expected)


def layers_of_spills(program: NetworkProgram) -> set[tuple[str, str]]:
    """(block, layer) of every LOAD and STORE of the spill memory."""
    return {
        (operation.block, operation.layer)
        for operation in program.operations
        if any(access.buffer.memory == "spill" for access in operation.accesses)
    }


@pytest.mark.parametrize("model", ["spilled", "spilled_real"])
def test_a_stage_s_last_x_is_embedded_as_it_is_made(model):
    moved = layers_of_spills(scheduled(model, "l32"))
    assert ("stage1.block0", "x.store") not in moved
    assert ("", "stage2.embedding.load") not in moved
    assert ("", "stage2.embedding.store") in moved


def test_an_x_that_is_to_stay_is_spilled_while_the_one_it_is_made_from_is_there():
    program = scheduled("spilled", "l32")
    moved = layers_of_spills(program)
    assert ("stage2.block1", "x.store") not in moved
    tokens = packed_model("spilled").model.tokens(3)
    for opcode, layer in ((Opcode.STORE, "store"), (Opcode.LOAD, "load")):
        words = [
            operation.fields["words"]
            for operation in program.operations
            if operation.opcode is opcode
            and operation.layer == f"stage3.embedding.{layer}"
            and any(access.buffer.memory == "spill" for access in operation.accesses)
        ]
        assert sum(words) == tokens * 128 // 32


def test_it_passes_through_external_memory_where_that_does_not_fit(monkeypatch):
    attempts = []

    def allocate_later(operations, sizes):
        attempts.append(len(operations))
        if len(attempts) <= 2:
            raise ScheduleError("x memory: full")
        return allocate.allocate(operations, sizes)

    monkeypatch.setattr(network_schedule, "allocate", allocate_later)
    program = network_program(packed_model("spilled"), configuration("l32"))
    moved = layers_of_spills(program)
    assert ("stage1.block0", "x.store") in moved and ("", "stage2.embedding.load") in moved
    expected, _, machine = prepare("spilled", "l32", program=program)
    machine.run(program.words)
    np.testing.assert_array_equal(logits(program, machine), expected)


def test_whoever_makes_x_forms_the_bits_that_its_block_reads():
    program = scheduled("cifar10", "4x8x64-l16")
    makers = {operation.layer: operation.forms for operation in program.operations}
    assert makers["stem"] == "stage1.block0"
    assert makers["stage2.embedding"] == "stage2.block0"
    assert not [o for o in program.operations if o.layer == "pass"]


def tokens_of_bits(program: NetworkProgram) -> tuple[Counter, Counter]:
    """Block to the tokens whose input bits the maker of its x formed, and to those of its own."""
    formed, own = Counter(), Counter()
    for operation in program.operations:
        if operation.fields.get("first_group"):
            continue  # more channels of the same tokens
        if operation.forms:
            formed[operation.forms] += operation.detail["tokens"]
        if operation.layer == "pass":
            own[operation.block] += operation.detail["tokens"]
    return formed, own


def test_bits_that_row_memory_has_no_room_for_are_left_to_the_block():
    c = replace(configuration("l32"), name="small", rows=8, row_words=128)
    program = network_program(packed_model("spilled"), c)
    formed, own = tokens_of_bits(program)
    assert (formed["stage1.block0"], own["stage1.block0"]) == (128, 1024 - 128)
    assert (formed["stage2.block1"], own["stage2.block1"]) == (256, 0)
    expected, _, machine = prepare("spilled", "l32", program=program)
    run_in_any_order(machine, program.words, seed=1)
    np.testing.assert_array_equal(logits(program, machine), expected)


def test_tags_wrap(monkeypatch):
    monkeypatch.setattr(assemble, "TAGS", 64)
    program = network_program(packed_model("pyramid"), find_configuration("4x8x64-l16"))
    tags = [decode(word)[1]["tag"] for word in program.words[:-1]]
    assert tags == [i % 64 for i in range(len(tags))] == [o.tag for o in program.operations]


def test_more_commands_than_an_engine_can_count_are_refused(monkeypatch):
    monkeypatch.setattr(assemble, "MOST_COMMANDS", 10)
    with pytest.raises(ScheduleError, match=r"commands for engine load, at most 10"):
        network_program(packed_model("pyramid"), find_configuration("4x8x64-l16"))


@pytest.mark.parametrize(
    ("model", "small", "text"),
    [
        ("cifar10", {"x_words": 128}, "stage 1: x memory"),
        ("class_token", {"row_words": 16}, "stage 1: x memory|stage 1: row memory"),
        ("real", {"parameter_words": 64}, "parameter memory"),
    ],
)
def test_what_does_not_fit_names_stage_or_layer_and_memory(model, small, text):
    with pytest.raises(ScheduleError, match=text):
        network_program(packed_model(model), replace(find_configuration("4x8x64-l16"), **small))


def test_a_block_s_operations_carry_its_name():
    program = scheduled("pyramid", "4x8x64-l16")
    blocks = {operation.block for operation in program.operations}
    assert blocks == {"", "stage1.block0", "stage2.block0", "stage2.block1"}
    outside = {o.layer for o in program.operations if not o.block and o.opcode is not Opcode.LOAD}
    assert {"stem", "stage2.embedding", "stage2.embedding.pass", "head", "classifier"} <= outside


def test_bounds_count_the_dense_unit_s_steps():
    program = scheduled("pyramid", "4x8x64-l16")
    bounds = Counter()
    for operation in program.operations:
        if operation.opcode is Opcode.DENSE:
            bounds[operation.layer] += program.bound(operation)
    # 64 tokens, 2 groups of 16 channels, 6 pairs of pixels; the logits take a pair of 64 a step.
    assert bounds == {"stem": 64 * 2 * 6, "classifier": 32}


def test_golden_can_differ():
    """The comparison can fail: another picture gives other logits."""
    expected, program, machine = prepare("pyramid", "4x8x64-l16")
    machine.external[program.picture_address] ^= np.uint64(0x00FF00FF00FF00FF)
    machine.run(program.words)
    assert not np.array_equal(logits(program, machine), expected)
