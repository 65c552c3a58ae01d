"""Run by two processes: ask a model, each process its share.

    ask_on_two.py MODEL OUTPUT COUNT ...

For each count, as many questions are asked; each process writes what it asked, and one the answers.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from asking import SAMPLED, alike, asked

from videossr_trainers.answering.local import LocalAnswerer
from videossr_trainers.answering.shares import Shares

model, output = sys.argv[1], Path(sys.argv[2])
shares = Shares()
rank = 0 if shares.main else 1
answerer = LocalAnswerer.load(model, batch_size=2)
for count in map(int, sys.argv[3:]):
    mine = shares.own(list(asked(alike()[:count])))
    rows = [[one.text for one in said] for _, said in answerer.answer(mine, SAMPLED)]
    everything = shares.gather(rows)
    (output / f"{count}of{rank}.json").write_text(json.dumps([one.key for one in mine]))
    if shares.main:
        (output / f"{count}.json").write_text(json.dumps(everything))
    elif everything:
        raise SystemExit("results reached a process that is not the main one")
