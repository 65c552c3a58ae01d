"""Run by two processes: ask a folder's model some questions, each process its share."""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from test_answering_local import SAMPLED, alike, asked

from videossr_trainers.answering.local import LocalAnswerer
from videossr_trainers.answering.shares import Shares

model, output, count = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
shares = Shares()
mine = shares.own(list(asked(alike()[:count])))
answerer = LocalAnswerer.load(model, batch_size=2)
rows = [[one.text for one in said] for _, said in answerer.answer(mine, SAMPLED)]
everything = shares.gather(rows)
rank = 0 if shares.main else 1
(output / f"asked{rank}.json").write_text(json.dumps([one.key for one in mine]))
if shares.main:
    (output / "answers.json").write_text(json.dumps(everything))
elif everything:
    raise SystemExit("results reached a process that is not the main one")
