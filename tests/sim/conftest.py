"""The testbenches beside these tests are importable by name in the simulator's process too."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
