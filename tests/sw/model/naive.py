"""One block written from its formulas, token by token and channel by channel, in plain numpy."""

import math

import numpy as np


class NaiveBlock:
    """Computes one block of a pyramid model from a state dict of float64 arrays.

    Tokens are lists of vectors: arrays (N, C) for one picture.
    """

    def __init__(self, state, layer, grid, reduction, heads):
        self.state, self.prefix = state, f"vit.encoder.layer.{layer}."
        self.grid, self.r, self.heads = grid, reduction, heads

    def p(self, name):
        return self.state[self.prefix + name]

    def norm(self, name, x):
        inverse = 1 / np.sqrt(self.p(f"{name}.running_var") + 1e-5)
        centred = x - self.p(f"{name}.running_mean")
        return centred * inverse * self.p(f"{name}.weight") + self.p(f"{name}.bias")

    def rprelu(self, name, x):
        x = x - self.p(f"{name}.move1")
        slope = self.p(f"{name}.prelu.weight")
        return np.where(x > 0, x, slope * x) + self.p(f"{name}.move2")

    def binlin(self, weight, x, move):
        w = self.p(f"{weight}.weight")
        out = np.zeros((len(x), len(w)))
        for o, row in enumerate(w):
            scale, mean = np.mean(np.abs(row)), np.mean(row)
            for n in range(len(x)):
                total = 0
                for i in range(len(row)):
                    bit = 1 if x[n, i] + self.p(move)[i] >= 0 else -1
                    total += bit * (1 if row[i] - mean >= 0 else -1)
                out[n, o] = scale * total
        return out

    def unit(self, x, residual, move, weight, norm, rprelu):
        return self.rprelu(rprelu, self.norm(norm, self.binlin(weight, x, move)) + residual)

    def scaled(self, name, x):
        key = f"{name}.alpha"
        if self.prefix + key not in self.state:
            return x
        return self.p(key) * x + self.p(f"{name}.move")

    def pooled(self, x):
        side = self.grid // self.r
        out = np.zeros((side * side, x.shape[1]))
        for row in range(self.grid):
            for column in range(self.grid):
                window = (row // self.r) * side + column // self.r
                out[window] += x[row * self.grid + column] / self.r**2
        return out

    def up(self, x):
        side = self.grid // self.r
        rows = []
        for row in range(self.grid):
            for column in range(self.grid):
                rows.append(x[(row // self.r) * side + column // self.r])
        return np.array(rows)

    def attention(self, n1):
        a = "attention.attention."
        q = self.unit(n1, n1, a + "moveq", a + "query", a + "normq", a + "rpreluq")
        r = n1
        if self.r > 1:
            r = self.pooled(n1)
            r = self.unit(r, r, a + "mover", a + "reduction", a + "norm_r", a + "rprelur")
        k = self.unit(r, r, a + "movek", a + "key", a + "normk", a + "rpreluk")
        v = self.unit(r, r, a + "movev", a + "value", a + "normv", a + "rpreluv")
        clip, d = float(self.p(a + "att_prob_clip")), q.shape[1] // self.heads
        bits = {
            name: np.where(value + self.p(a + f"move{name}2") >= 0, 1, -1)
            for name, value in (("q", q), ("k", k), ("v", v))
        }
        context = np.zeros_like(q)
        for head in range(self.heads):
            part = slice(head * d, (head + 1) * d)
            for n in range(len(q)):
                scores = [int(bits["q"][n, part] @ key[part]) for key in bits["k"]]
                exponentials = [math.exp(score / math.sqrt(d)) for score in scores]
                for m, value in enumerate(exponentials):
                    if value / sum(exponentials) > clip / 2:
                        context[n, part] += bits["v"][m, part]
        skip = q + (self.up(k) + self.up(v) if self.r > 1 else k + v)
        return self.rprelu(
            a + "rprelu_context", self.norm(a + "norm_context", context * clip) + skip
        )

    def average(self, x, size, vertical):
        out = np.zeros_like(x)
        for row in range(self.grid):
            for column in range(self.grid):
                for shift in range(-(size // 2), size // 2 + 1):
                    y, z = (row + shift, column) if vertical else (row, column + shift)
                    if 0 <= y < self.grid and 0 <= z < self.grid:
                        out[row * self.grid + column] += x[y * self.grid + z] / size
        return out

    def __call__(self, x):
        t = self.attention(self.norm("layernorm_before", x))
        o = "attention.output."
        t = self.unit(t, t, o + "move", o + "dense", o + "norm", o + "rprelu")
        x1 = x + self.scaled(o + "layerscale", t)
        n2 = self.norm("layernorm_after", x1)
        i, o = "intermediate.", "output."
        times = len(self.p(i + "move")) and self.p(i + "dense.weight").shape[0] // n2.shape[1]
        tiled = np.concatenate([n2] * times, axis=1)
        f = self.unit(n2, tiled, i + "move", i + "dense", i + "norm", i + "rprelu")
        adjacent = np.stack(
            [f[:, c * times : (c + 1) * times].mean(1) for c in range(n2.shape[1])], axis=1
        )
        y = self.unit(f, adjacent, o + "move", o + "dense", o + "norm", o + "rprelu")
        x2 = x1 + self.scaled(o + "layerscale", y)
        for name, size in (("h3", 3), ("w3", 3), ("h5", 5), ("w5", 5)):
            x2 = x2 + self.scaled(f"layerscale_{name}", self.average(n2, size, name[0] == "h"))
        return x2
