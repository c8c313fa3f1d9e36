"""The made-up worlds lie beside the tests of disclosure control."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2] / "unit" / "disclosure"))
