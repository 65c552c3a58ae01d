"""How many processes there are, written by each of them: `LAUNCHER -m videossr_trainers.ablations.world FILE`.

Through a file, since a launcher may send output elsewhere; it imports nothing, since it may be many processes.
"""

import os
import sys
from pathlib import Path

if __name__ == "__main__":
    # MPI's, and then torch's own, as accelerate reckons. A shell may have torch's for another program.
    names = ["PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "MV2_COMM_WORLD_SIZE"]
    names += ["WORLD_SIZE"] if "LOCAL_RANK" in os.environ else []
    world = next((os.environ[name] for name in names if name in os.environ), "1")
    own = Path(f"{sys.argv[1]}.{os.getpid()}")
    own.write_text(world, encoding="utf-8")
    own.replace(sys.argv[1])
