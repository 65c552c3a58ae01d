"""How many processes there are, written by each of them: `LAUNCHER -m videossr_trainers.ablations.world FILE`.

Through a file, since a launcher may send output elsewhere; it imports nothing, since it may be many processes.
"""

import os
import sys
from pathlib import Path

if __name__ == "__main__":
    own = Path(f"{sys.argv[1]}.{os.getpid()}")
    own.write_text(os.environ.get("WORLD_SIZE", "1"), encoding="utf-8")
    own.replace(sys.argv[1])
