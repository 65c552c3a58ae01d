"""Asking models: those on this machine, and those behind an endpoint."""

from videossr_trainers.answering.answer import Answer, Answerer, Asked, Decoding

__all__ = ["Answer", "Answerer", "Asked", "Decoding"]
