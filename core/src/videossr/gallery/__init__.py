"""The gallery of a dataset: some of its questions on one page, to watch and to judge."""

from videossr.gallery.choice import choose
from videossr.gallery.page import Written, is_gallery, write_gallery

__all__ = ["Written", "choose", "is_gallery", "write_gallery"]
