"""Model units and a model memory around ``hw.control.control.Control``; logs what happens.

Parameters: ``programs`` (first beats, run one after the other), ``memory`` (beats, hexadecimal),
``latency`` (most cycles of a unit's command), ``pause`` (chance of each pause), ``seed``,
``lanes_bits`` (width of x and u words), ``reset_at`` (cycle in which all is reset and begun anew,
or None), ``timeout_cycles``.  Returns a log a run and the memory at the end.
"""

import random
from collections import deque

import cocotb
from cocotb.triggers import RisingEdge
from cocotb.types import LogicArray

from hw.spec.registers import REGISTERS
from sim import exchange

PORT_LATENCY = 16
PORT_QUEUE = 8
PROGRAM = REGISTERS["program"].address
UNITS = ("array", "lanes", "attention", "grid", "branch", "dense")
WRITES = ("column_write", "parameter_write", "x_write", "exp_write")
ENGINES = {"lanes": 2, "attention": 3, "grid": 4, "branch": 4, "dense": 5}
DONE = {2: "lanes_done", 3: "attention_done", 4: "pool_done", 5: "dense_done"}


def value_word(memory: int, address: int, bits: int) -> int:
    """The content of word `address` of x (0) or u (1) memory."""
    return random.Random(memory << 16 | address).getrandbits(bits)


class Bench:
    """All models, one call a cycle."""

    def __init__(self, dut, plan) -> None:
        self.dut, self.plan = dut, plan
        self.chance = random.Random(plan["seed"])
        self.memory = [int(beat, 16) for beat in plan["memory"]]
        self.clear()
        for name in (
            "host_write",
            "host_address",
            "host_data_in",
            *DONE.values(),
            "unit_busy",
            "load_stall",
            "store_stall",
            "dispatch_stall",
            "port__request__ready",
            "port__write__ready",
            "port__read__valid",
            *(f"{unit}__ready" for unit in UNITS),
        ):
            self[name] = 0

    def __getitem__(self, name: str) -> int:
        value = getattr(self.dut, name).value
        return value.to_unsigned() if isinstance(value, LogicArray) else int(value)

    def __setitem__(self, name: str, value: int) -> None:
        getattr(self.dut, name).value = value

    def clear(self) -> None:
        """Back to the state after reset; external memory keeps its content."""
        self.requests = deque()  # [write, address, beats, due]
        self.offered = False
        self.working = {engine: deque() for engine in DONE}
        self.held = {}
        self.new_log()

    def new_log(self) -> None:
        """Begin a run."""
        self.completed = [0] * 6
        self.log = {
            "units": {unit: [] for unit in UNITS},
            "requests": [],
            "reads": [],
            "writes": [],
            "port_writes": [],
            "complete": [],
            "done": [],
        }

    def pause(self) -> bool:
        """Whether something pauses in the coming cycle."""
        return self.chance.random() < self.plan["pause"]

    def stable(self, name: str, cycle: int) -> bool:
        """Whether stream `name` is accepted; a beat that was not must stay."""
        valid, ready = self[f"{name}__valid"], self[f"{name}__ready"]
        before = self.held.get(name)
        payload = self[f"{name}__payload"] if valid else None
        assert before in (None, payload), f"{name}: beat changed or fell in cycle {cycle}"
        self.held[name] = payload if valid and not ready else None
        return bool(valid and ready)

    def sample(self, cycle: int) -> None:
        """Everything that moved in this cycle."""
        log = self.log
        valid, tags = self["complete_valid"], self["complete_tag"]
        for e in range(6):
            if valid >> e & 1:
                log["complete"].append(
                    [cycle, e, tags >> 12 * e & 0xFFF, len(log["writes"]), len(log["port_writes"])]
                )
                if e < 2:
                    self.completed[e] += 1
        if self["port__write__valid"]:
            assert any(write for write, *_ in self.requests), "write data before its request"
        if self.stable("port__request", cycle):
            payload = self["port__request__payload"]
            write, address, beats = payload & 1, payload >> 1 & 0xFFFFFFFF, payload >> 33
            assert 1 <= beats <= 64 and address + beats <= len(self.memory), (address, beats)
            self.requests.append([write, address, beats, cycle + PORT_LATENCY])
            log["requests"].append([cycle, write, address, beats, list(self.completed)])
        if self.stable("port__write", cycle):
            head = self.requests[0]
            assert head[0], "write data without its request"
            self.memory[head[1]] = self["port__write__payload"]
            log["port_writes"].append(cycle)
            self.step()
        if self["port__read__valid"]:
            self.offered = not self["port__read__ready"]
            if self["port__read__ready"]:
                log["reads"].append(cycle)
                self.step()
        for unit in UNITS:
            if self.stable(unit, cycle):
                payload = self[f"{unit}__payload"]
                log["units"][unit].append([cycle, f"{payload:x}", list(self.completed)])
                if unit in ENGINES:
                    if unit in ("grid", "branch"):
                        assert all(kind == unit for _, kind in self.working[4]), "pool order"
                    due = self.chance.randint(2, max(2, self.plan["latency"]))
                    self.working[ENGINES[unit]].append([due, unit])
        for port in WRITES:
            if self[f"{port}__request"] and self[f"{port}__grant"]:
                log["writes"].append(
                    [
                        cycle,
                        port,
                        self[f"{port}__address"],
                        self[f"{port}__mask"],
                        f"{self[f'{port}__data']:x}",
                    ]
                )
        self.reads = [self[f"{m}_read__request"] and self[f"{m}_read__grant"] for m in "xu"]
        self.addresses = [self[f"{m}_read__address"] for m in "xu"]

    def step(self) -> None:
        """A beat of the head request has moved."""
        head = self.requests[0]
        head[1] += 1
        head[2] -= 1
        if not head[2]:
            self.requests.popleft()

    def drive(self, cycle: int) -> None:
        """What the models show in cycle `cycle`."""
        head = self.requests[0] if self.requests else None
        self["port__request__ready"] = len(self.requests) < PORT_QUEUE and not self.pause()
        self["port__write__ready"] = bool(head and head[0]) and not self.pause()
        reads = bool(head and not head[0] and cycle >= head[3])
        reads = reads and (self.offered or not self.pause())
        self["port__read__valid"] = reads
        if reads:
            self["port__read__payload"] = self.memory[head[1]]
        for i, memory in enumerate("xu"):
            bits = self.plan["lanes_bits"]
            word = value_word(i, self.addresses[i], bits) if self.reads[i] else 0
            self[f"{memory}_read__data"] = word
            self[f"{memory}_read__grant"] = not self.pause()
        for port in WRITES:
            self[f"{port}__grant"] = port not in ("x_write", "column_write") or not self.pause()
        for unit in UNITS:
            room = unit not in ENGINES or len(self.working[ENGINES[unit]]) < 3
            self[f"{unit}__ready"] = room and not self.pause()
        for engine, name in DONE.items():
            work = self.working[engine]
            done = bool(work) and work[0][0] <= 1
            if work:
                work[0][0] -= 1
            if done:
                work.popleft()
                self.completed[engine] += 1
                self.log["done"].append([cycle, engine])
            self[name] = done
        for name in ("load_stall", "store_stall", "dispatch_stall"):
            self[name] = self.pause()


@cocotb.test()
async def control(dut) -> None:
    """Runs all programs."""
    plan = exchange.parameters()
    edge = RisingEdge(dut.clk)
    bench = Bench(dut, plan)
    bench.reads, bench.addresses = [0, 0], [0, 0]
    runs, cycle, reset_at = [], 0, plan["reset_at"]

    async def reset() -> None:
        dut.rst.value = 1
        await edge
        await edge
        dut.rst.value = 0
        bench.clear()

    async def read(register: int) -> int:
        """Only between runs."""
        bench["host_address"] = register
        await edge
        await edge
        return bench["host_data"]

    await reset()
    while len(runs) < len(plan["programs"]):
        bench.new_log()
        bench["host_address"], bench["host_write"] = PROGRAM, 1
        bench["host_data_in"] = plan["programs"][len(runs)]
        bench.drive(cycle)
        begun = cycle
        seen = False
        while True:
            await edge
            bench.sample(cycle)
            busy = bench["busy"]
            cycle += 1
            # A write while busy must do nothing: now and then one with a wrong address.
            intrude = seen and plan["pause"] > 0 and bench.chance.random() < 0.1
            bench["host_data_in"], bench["host_write"] = (
                1,
                intrude
                and bool(busy)
                and not (not bench.requests and not any(bench.working.values())),
            )
            bench.drive(cycle)
            if reset_at is not None and cycle == reset_at:
                reset_at = None
                bench["host_write"] = 0
                await reset()
                break
            if seen and not busy:
                bench["host_write"] = 0
                assert not bench.requests, "ended with port requests open"
                registers = [await read(i) for i in range(len(REGISTERS))]
                runs.append({**bench.log, "registers": registers, "cycles": cycle - begun})
                break
            seen = seen or bool(busy)
            assert cycle - begun < plan["timeout_cycles"], "no end: " + str(
                {"completed": bench.completed, "requests": list(bench.requests)}
            )
    exchange.return_values(runs=runs, memory=[f"{beat:x}" for beat in bench.memory])
