"""`python -m tests.warehouses.contract.bricks PORT [FILE]`: serve; append each kind of statement to the file."""

import sys
from pathlib import Path

from tests.warehouses.contract.bricks.server import serve

serve(int(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None)
