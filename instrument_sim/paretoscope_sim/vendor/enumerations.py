"""The vendor's named values; plain strings of the same text are accepted wherever these are."""

from __future__ import annotations

from enum import StrEnum


class DetectorType(StrEnum):
    HAADF = "HAADF"
    BF = "BF"
    BF_S = "BF-S"
    DF_S = "DF-S"


class ImageSize(StrEnum):
    PRESET_256 = "256x256"
    PRESET_512 = "512x512"
    PRESET_1024 = "1024x1024"
    PRESET_2048 = "2048x2048"


class OpticalMode(StrEnum):
    TEM = "Tem"
    STEM = "Stem"


class RegionType(StrEnum):
    FULL_FRAME = "FullFrame"
    RECTANGLE = "Rectangle"


class VacuumValvesState(StrEnum):
    OPEN = "Opened"
    CLOSED = "Closed"


class DetectorInsertionState(StrEnum):
    INSERTED = "Inserted"
    RETRACTED = "Retracted"
