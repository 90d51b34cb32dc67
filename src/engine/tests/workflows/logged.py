"""What the service of ``tiny`` logs: the logs of the monitoring tests."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "monitoring"))

from deployed_models import log

__all__ = ["log"]
