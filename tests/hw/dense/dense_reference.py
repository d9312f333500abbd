"""DENSE in plain numpy, from the words of ``hw.spec.commands``; and random commands."""

import random

import numpy as np

from hw.spec.commands import RECORDS, Opcode, Operand, Source
from hw.spec.configuration import Configuration

WORDS = {"x": 1024, "u": 1024, "parameters": 1024}
"""Words of the memories that the tests fill."""


def memory(words: int, lanes: int, seed: int, kind: str = "random") -> np.ndarray:
    """Words of `lanes` unsigned 16-bit elements."""
    chance = np.random.default_rng(seed)
    choices = {
        "extreme": (0x0000, 0x7FFF, 0x8000, 0x8080, 0x7F7F, 0xFFFF, 0x00FF, 0x807F),
        "low_bytes": (0x8080,),
        "high_bytes": (0x7F7F,),
        "lowest": (0x8000,),
        "highest": (0x7FFF,),
        "pixel_zero": (0x0000,),
        "normed": (0x7E, 0x7F, 0x80, 0x81, 0xFF7F, 0xFF80, 0xFF81, 0xFF82),
    }
    if kind == "random":
        return chance.integers(0, 1 << 16, (words, lanes))
    return chance.choice(choices[kind], (words, lanes))


def pack(word) -> str:
    """A word as hexadecimal text."""
    return np.asarray(word).astype("<u2").tobytes()[::-1].hex()


def signed(value: int, bits: int) -> int:
    """The low `bits` bits as two's complement."""
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> bits - 1 else value


class Command:
    """A DENSE command."""

    def __init__(self, tag: int, **fields: int):
        plain = {
            "source": Source.X, "base": 5, "token": 0, "segments": 1, "segment": 0, "group": 0,
            "operand": Operand.PIXEL, "pairs": 1, "pool": 0, "tokens": 1, "groups": 1,
            "parameter_base": 3, "parameter_group": 0, "bias": 0, "shift": 0,
            "destination_base": 7, "destination_token": 0,
        }  # fmt: skip
        self.tag, self.f = tag, plain | fields
        self.record = RECORDS[Opcode.DENSE].encode({"opcode": Opcode.DENSE, "tag": tag, **self.f})

    @property
    def steps(self) -> int:
        """Steps of a token."""
        f = self.f
        double = 2 if f["pool"] else 1
        return f["segments"] * f["pairs"] * double + 2 * f["bias"]

    def turns(self, c: Configuration) -> int:
        """Tokens of a group, or pairs of them."""
        f = self.f
        pairs = c.dense_tokens == 2 and not (f["operand"] == Operand.VALUE or f["bias"])
        pairs = pairs and not f["pool"] and f["pairs"] >= 16
        return -(-f["tokens"] // 2) if pairs else f["tokens"]

    def cycles(self, c: Configuration) -> int:
        """From the command's acceptance to `done`, while everything is granted."""
        f, bias, lanes = self.f, self.f["bias"], c.lanes
        s, written = lanes // 4 * (1 + bias), 3 - bias
        # The last word's steps, where no bias follows: the next word is there after 3 cycles.
        two = 1 if f["operand"] == Operand.PIXEL else 2
        last_word = f["pairs"] * two % lanes // two
        late = 3 - last_word if last_word in (1, 2) and not bias else 0
        turns = self.turns(c)
        if turns != f["tokens"]:
            # A pair of words is there 4 cycles after the one before it.
            per_word = lanes if f["operand"] == Operand.PIXEL else lanes // 2
            words = [per_word] * (f["pairs"] // per_word) + [f["pairs"] % per_word]
            words = [word for word in words if word] * f["segments"]
            lasts = sum(max(word, 4) for word in words)
            first = 7 + lasts - max(words[-1], 4) + words[-1] - 1
            apart = max(lasts, 2 * s, s + 12)
            return first + (turns * f["groups"] - 1) * apart + (2 - f["tokens"] % 2) * s + 12
        last = [6 - 2 * bias + self.steps - 1]
        for i in range(1, f["tokens"] * f["groups"]):
            last.append(last[-1] + max(self.steps + late, s))
            if i >= written:
                last[-1] = max(last[-1], last[i - written] + s + 12)
        return last[-1] + s + 12

    def operands(self, x, u, group: int, token: int) -> list[int]:
        """Operands of a token, all segments."""
        f, found = self.f, []
        source = {Source.X: x, Source.U: u}[f["source"]]
        first = f["base"] + token * f["token"] + group * f["group"]
        for segment in range(f["segments"]):
            elements = source[first + segment * f["segment"] :].ravel()
            for i in range(2 * f["pairs"]):
                if f["operand"] == Operand.PIXEL:
                    found.append((int(elements[i // 2]) >> 8 * (i % 2) & 0xFF) - 128)
                elif f["operand"] == Operand.NORMED:
                    found.append(min(max(signed(int(elements[i]), 16), -128), 127))
                else:
                    found.append(signed(int(elements[i]), 16))
        return found

    def expected(self, x, u, parameters):
        """Writes as (address, word)."""
        f, writes = self.f, []
        lanes = x.shape[1]
        for group in range(f["groups"]):
            place = f["parameter_base"] + group * f["parameter_group"]
            bias = [0] * lanes
            if f["bias"]:
                low, high = parameters[place], parameters[place + 1]
                bias = [int(b) << 16 | int(a) for a, b in zip(low, high, strict=True)]
                place += 2
            words = f["segments"] * f["pairs"]
            if f["pool"]:
                weights = np.zeros((lanes, 2 * words), dtype=np.int64)
                for lane in range(lanes):
                    weights[lane, lane * f["pool"] : (lane + 1) * f["pool"]] = 1
            else:
                weights = np.zeros((lanes, words, 2), dtype=np.int64)
                taken = parameters[place : place + words]
                weights[:, :, 0] = ((taken & 0xFF) ^ 0x80).T - 128
                weights[:, :, 1] = ((taken >> 8) ^ 0x80).T - 128
                weights = weights.reshape(lanes, -1)
            for token in range(f["tokens"]):
                operands = np.array(self.operands(x, u, group, token), dtype=np.int64)
                totals = [signed(int(t) + b, 32) for t, b in zip(weights @ operands, bias)]  # noqa: B905
                address = f["destination_base"] + token * f["destination_token"]
                if f["bias"]:
                    address += 2 * group
                    writes.append((address, [t & 0xFFFF for t in totals]))
                    writes.append((address + 1, [t >> 16 & 0xFFFF for t in totals]))
                else:
                    half = 1 << f["shift"] >> 1
                    results = [
                        min(max(t + half >> f["shift"], -32768), 32767) & 0xFFFF for t in totals
                    ]
                    writes.append((address + group, results))
        return writes


def random_command(chance: random.Random, tag: int, lanes: int, most_steps: int = 60) -> Command:
    """A command of any kind whose words are inside the memories."""
    operand = chance.choice(tuple(Operand))
    segments = chance.choice((1, 1, 2, 3))
    pairs = chance.randint(1, max(1, most_steps // segments))
    per_word = lanes if operand == Operand.PIXEL else lanes // 2
    if chance.random() < 0.3:
        pairs = max(1, pairs // per_word) * per_word
    bias, groups = chance.randint(0, 1), chance.choice((1, 1, 2, 3))
    words = segments * pairs + 2 * bias
    return Command(
        tag,
        source=chance.choice((Source.X, Source.U)),
        base=chance.randint(0, 50),
        token=chance.randint(0, 60),
        segments=segments,
        segment=chance.randint(0, 40),
        group=chance.choice((0, chance.randint(0, 20))),
        operand=operand,
        pairs=pairs,
        tokens=chance.choice((1, 1, 2, 5)),
        groups=groups,
        parameter_base=chance.randint(0, 40),
        parameter_group=chance.choice((words, words, words + 3, 0)),
        bias=bias,
        shift=chance.choice((0, 1, chance.randint(2, 16), 31)),
        destination_base=chance.randint(0, 500),
        destination_token=chance.randint(0, 20),
    )


def pooling_command(
    tag: int, lanes: int, m: int, tokens: int = 3, groups: int = 2, **fields
) -> Command:
    """The mean of `m` adjacent channels; a group's operands are `m` words."""
    return Command(
        tag,
        operand=Operand.VALUE,
        pool=m,
        pairs=lanes * m // 2,
        token=m * groups + 1,
        group=m,
        tokens=tokens,
        groups=groups,
        shift=(m - 1).bit_length(),
        destination_token=groups,
        **fields,
    )
