"""``python -m sw``: classify pictures, evaluate a data set, pack and inspect models."""

from sw.cli.app import app

if __name__ == "__main__":
    app(prog_name="python -m sw")
