"""A digest of the contract: two parts that disagree on any declaration disagree on it."""

from __future__ import annotations

import hashlib
import json

from hw.spec import commands, image, numerics, registers


def contract_digest() -> str:
    """SHA-256 (hex) over every declaration of formats, commands, registers and image layout."""
    formats = {
        name: (value.bits, value.signed)
        for name, value in vars(numerics).items()
        if isinstance(value, numerics.Format)
    }
    declaration = {
        "formats": formats,
        "constants": [
            numerics.PRE_DROP,
            numerics.RESIDUAL_GAIN_FRACTION,
            numerics.PRE_FRACTION,
            numerics.GAIN_SHIFTS,
            numerics.SLOPE_SHIFTS,
            numerics.EXP_ONE,
            numerics.PARAMETER_FIELDS,
            numerics.BRANCH_FIELDS,
        ],
        "records": {
            int(opcode): [(f.name, f.bits, f.signed) for f in record.fields]
            for opcode, record in commands.RECORDS.items()
        },
        "registers": {r.name: r.address for r in registers.REGISTERS.values()},
        "image": image.VERSION,
    }
    return hashlib.sha256(json.dumps(declaration, sort_keys=True).encode()).hexdigest()
