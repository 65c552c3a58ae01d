"""What the pages of measurements share: the file, questions to look at, bars."""

from __future__ import annotations

from videossr_trainers.pages.card import Card, Said, frames_of, players_of, spread
from videossr_trainers.pages.files import write_json, write_table, write_whole
from videossr_trainers.pages.page import claim_page, ends, percent, score, signed, write_page

__all__ = [
    "Card",
    "Said",
    "claim_page",
    "ends",
    "frames_of",
    "percent",
    "players_of",
    "score",
    "signed",
    "spread",
    "write_json",
    "write_page",
    "write_table",
    "write_whole",
]
