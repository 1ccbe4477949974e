import sys
from pathlib import Path

# Lets the tests import what lies beside them.
sys.path.insert(0, str(Path(__file__).parent))

from web_house import office

__all__ = ["office"]
