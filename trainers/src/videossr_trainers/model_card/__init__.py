"""The card beside a trained model: what it was trained on, by what reward, and what is known of it."""

from videossr_trainers.model_card.card import write_card
from videossr_trainers.model_card.exam import Exam, ExamRow

__all__ = ["Exam", "ExamRow", "write_card"]
