"""The report of a small network: its sums are the hardware's counters, and the cycle model's."""

import json
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from hw.spec import find_configuration
from sim.native.simulator import SAMPLED
from sim.network.run import SAMPLES, _thinned, run_network
from sim.report.__main__ import app
from sim.report.commands import LONG, network_bound, part, rows, spans, worst
from sim.report.picture import UNITS, boundaries, utilisation
from sw.compiler.bound import BOUND_LAYERS
from sw.compiler.pack import pack
from sw.compiler.schedule import network_program
from sw.cycles.model import predict
from sw.cycles.traffic import BEAT_BYTES, Traffic
from sw.files import load_model
from sw.golden import run as run_golden
from tests.sw.compiler.test_network_schedule import MODELS, packed_model
from tests.sw.golden.random_model import pictures

CONFIGURATION = find_configuration("3x4x64-l8")


@pytest.fixture(scope="module", params=["ratios", "real", "spilled"])
def case(request):
    """(program, run, prediction): networks that use the dense unit, and one that spills x."""
    packed, picture = packed_model(request.param), pictures(MODELS[request.param], 1, 2)
    program = network_program(packed, CONFIGURATION)
    run = run_network(program, picture.numpy())
    np.testing.assert_array_equal(run.logits, run_golden(packed, picture).numpy())
    return program, run, predict(program.words, CONFIGURATION, "ideal", program.start)


def test_bytes_by_kind_are_the_port_counters(case):
    program, run, prediction = case
    table = Traffic(program).table(run.registers["program_beats"])
    load, store, fetched = (
        BEAT_BYTES * run.registers[f"{name}_beats"] for name in ("load", "store", "program")
    )
    assert sum(entry["read"] for entry in table.values()) == load + fetched
    assert sum(entry["written"] for entry in table.values()) == store
    layers = rows(program, run, prediction)
    assert sum((row.moved for row in layers), Counter()).total() == load + store
    assert (table["spills"]["read"] > 0) == (program.regions["spills"] > 0)
    for kind, entry in table.items():
        if kind not in ("spills", "program"):
            assert entry["read"] + entry["written"] >= entry["least"] > 0, kind
    assert table["picture"]["read"] == table["picture"]["least"] == 16 * program.picture_beats
    assert table["result"]["written"] == 16 * program.result_beats


@pytest.mark.parametrize("name", ["4x8x64-l16", "7x16x64-l32"])
def test_a_network_that_stays_on_chip_reads_everything_once(name):
    """Also where a word of values is more than one beat."""
    table = Traffic(network_program(load_model("cifar10"), find_configuration(name))).table(0)
    assert table["spills"] == {"read": 0, "written": 0, "least": 0}
    for kind in ("weights", "parameters", "positions", "picture"):
        assert table[kind]["read"] == table[kind]["least"] > 0, kind
    assert table["result"]["written"] == table["result"]["least"] > 0


def test_a_batch_reads_weights_once_and_positions_for_each_picture():
    c = find_configuration("7x16x64-l32")
    table = Traffic(network_program(load_model("cifar10"), c, batch=3)).table(0)
    for kind, times in {"weights": 1, "parameters": 1, "positions": 3, "picture": 1}.items():
        assert table[kind]["read"] == times * table[kind]["least"] > 0, kind


def test_spans_of_an_engine_are_apart_and_inside_the_run(case):
    program, run, _ = case
    when = spans(program, run.completions)
    assert (when.cycles > 0).all()
    for engine in {operation.engine for operation in program.operations}:
        mine = [i for i, o in enumerate(program.operations) if o.engine is engine]
        assert (when.begin[mine][1:] >= when.end[mine][:-1]).all()
        assert when.end[mine][-1] <= run.cycles
        assert when.cycles[mine].sum() <= run.cycles


def test_rows_add_up(case):
    program, run, prediction = case
    layers, commands = rows(program, run, prediction), rows(program, run, prediction, each=True)
    assert len(commands) == len(program.operations)
    assert sum(row.count for row in layers) == len(commands)
    for member in ("cycles", "predicted", "macs", "elements", "steps"):
        total = sum(getattr(row, member) for row in layers)
        assert total == sum(getattr(row, member) for row in commands)
    names = [row.part for row in layers]
    changes = sum(one != other for one, other in pairwise(names))
    assert changes + 1 == len(set(names)), "a part's rows follow one another"
    assert names[0] == "stem" and names[-1] == "head"
    assert {part(operation) for operation in program.operations} == set(names)


def test_the_worst_prediction_is_shown(case):
    program, run, prediction = case
    commands = rows(program, run, prediction, each=True)
    last = worst(commands)
    assert last.cycles > LONG and abs(last.deviation) <= 0.15
    assert all(abs(r.deviation) <= abs(last.deviation) for r in commands if r.cycles > LONG)
    last.predicted = 2 * last.cycles
    assert worst(commands) is last and last.deviation == 1
    assert worst([row for row in commands if row.cycles <= LONG]) is None


def test_the_network_s_bound_is_that_of_its_binary_layers(case):
    program, run, prediction = case
    layers = rows(program, run, prediction)
    binary = {row.name.split(".", 2)[2] for row in layers if row.macs and ".block" in row.name}
    assert binary <= set(BOUND_LAYERS)
    assert 0 < network_bound(layers) <= run.cycles
    for row in layers:
        if row.engine != "main":  # there a layer may begin in the array behind another's lanes
            assert row.cycles >= row.bound, row.name


def test_samples_are_counters_over_time(case):
    program, run, _ = case
    assert 10 < len(run.samples) <= SAMPLES
    assert (np.diff(run.samples, axis=0) >= 0).all()
    assert run.samples[-1].tolist() == [run.registers[name] for name in SAMPLED]
    edges, shares = utilisation(run.samples)
    assert shares.shape == (len(UNITS), len(edges) - 1)
    # The port's three counters are read one after another: beats between them count twice.
    assert shares.min() >= 0 and (shares[:-1, :-1] <= 1).all()
    assert (shares * np.diff(edges) <= np.diff(edges) + 2)[:, :-1].all()
    work = shares @ np.diff(edges)
    first = run.samples[0]
    for unit, names in enumerate(UNITS.values()):
        expected = sum(run.registers[name] - first[SAMPLED.index(name)] for name in names)
        assert work[unit] == pytest.approx(expected)
    ends = list(boundaries(program, run).values())
    assert ends == sorted(ends) and ends[-1] <= run.cycles


def test_thinned_samples_keep_the_last_one():
    samples = np.arange(10 * SAMPLES)[:, None] * np.ones(2, np.int64)
    kept = _thinned(samples, [10 * SAMPLES, 10 * SAMPLES])
    assert len(kept) <= SAMPLES and kept[-1].tolist() == [10 * SAMPLES] * 2
    assert (np.diff(kept, axis=0) > 0).all()


@pytest.fixture
def report(tmp_path):
    """The command line on a packed small network."""
    pack(packed_model("mean"), tmp_path / "m.bvit")
    Image.fromarray(pictures(MODELS["mean"], 1, 2)[0].numpy()).save(tmp_path / "p.png")
    options = ["--model", tmp_path / "m.bvit", "--image", tmp_path / "p.png"]
    options += ["--config", CONFIGURATION.name]
    return lambda *more: CliRunner().invoke(app, [str(word) for word in (*options, *more)])


def test_the_command_writes_table_json_and_picture(report, tmp_path):
    result = report("--json", tmp_path / "r.json", "--picture", tmp_path / "r.png", "--commands")
    assert result.exit_code == 0, result.output
    facts = json.loads((tmp_path / "r.json").read_text())
    assert f"network: {facts['cycles']:,} cycles" in result.stdout
    assert f"cycle model: {facts['predicted_cycles']:,} cycles" in result.stdout
    assert facts["predicted_cycles"] == pytest.approx(facts["cycles"], rel=0.02)
    assert facts["worst_command"]["name"] in result.stdout
    assert facts["counters"]["cycles"] == facts["cycles"]
    assert len(facts["commands"]) == sum(row["count"] for row in facts["layers"])
    assert all(cycles <= facts["cycles"] for cycles in facts["engine_cycles"].values())
    with Image.open(tmp_path / "r.png") as picture:
        assert picture.width > 1000


def test_a_slower_memory_takes_longer_and_moves_the_same(report, tmp_path):
    facts = []
    for memory in ("ideal", "sdr-sdram"):
        path = tmp_path / f"{memory}.json"
        assert report("--memory", memory, "--json", path).exit_code == 0
        facts.append(json.loads(path.read_text()))
    assert facts[1]["cycles"] > facts[0]["cycles"]
    assert facts[1]["logits"] == facts[0]["logits"]
    for entry in facts:
        del entry["bytes"]["program"]  # how far command fetch ran ahead of END
    assert facts[1]["bytes"] == facts[0]["bytes"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--memory", "hbm"], "'hbm': choose one of ideal"),
        (["--config", "9x9"], "9x9"),
        (["--seed", -1], "seed -1: choose 0 to"),
        (["--json", "/nowhere/r.json"], "/nowhere is no folder"),
        (["--picture", "r.gif"], "--picture r.gif: end its name in .png or .svg or .pdf"),
        (["--model", "nothing"], "no shipped model"),
    ],
)
def test_bad_input(report, options, words):
    result = report(*options)
    assert result.exit_code == 2, result.output
    line = result.stderr.splitlines()[-1]
    assert line.startswith("report: ") and words in line
