"""Microscope files in: one function, `read_image`, for every format."""

from paretoscope.adapters.files.image_file import ImageFile
from paretoscope.adapters.files.read import SUFFIXES, read_image

__all__ = ["SUFFIXES", "ImageFile", "read_image"]
