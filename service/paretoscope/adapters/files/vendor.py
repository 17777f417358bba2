"""EMD (Velox and Berkeley), DM3 / DM4, MRC and SER, read by rosettasciio."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from paretoscope.adapters.files.image_file import ImageSource, as_pixel_size
from paretoscope.adapters.files.units import to_nm, to_us
from paretoscope.errors import BadFile, TooLarge

_PREFERRED = ("HAADF", "ADF", "DF")
_SER_LIMIT_BYTES = 1 << 30


def read_emd(path: Path) -> ImageSource:
    """Read the HAADF image (else the first real-space image) of an EMD file; stacks stay on disk."""
    from rsciio.emd import file_reader

    return _pick(_quietly(lambda: file_reader(path, lazy=True, select_type="images")), path)


def read_dm(path: Path) -> ImageSource:
    """Read the image of a Gatan DM3 or DM4 file."""
    from rsciio.digitalmicrograph import file_reader

    return _pick(_quietly(lambda: file_reader(path, lazy=True)), path)


def read_mrc(path: Path) -> ImageSource:
    """Read the image or stack of an MRC file."""
    from rsciio.mrc import file_reader

    return _pick(_quietly(lambda: file_reader(str(path), lazy=True)), path)  # it searches the name as text


def read_ser(path: Path) -> ImageSource:
    """Read the image or image series of an FEI TIA .ser file; the .emi beside it is not needed."""
    from rsciio.tia import file_reader

    if path.stat().st_size > _SER_LIMIT_BYTES:
        # this reader holds the whole series in memory
        raise TooLarge("file-too-large", hint=f"{path.name} is over 1 GiB; export its frames as TIFF or EMD.")
    return _pick(_quietly(lambda: file_reader(path, lazy=True)), path)


def _quietly(read: Callable[[], list[dict[str, Any]]]) -> list[dict[str, Any]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # remarks on metadata that we do not use
        return read()


def _pick(signals: list[dict[str, Any]], path: Path) -> ImageSource:
    """The best image among a file's signals."""
    sources, refused = [], None
    for signal in signals:
        try:
            source = _source(signal)
        except BadFile as error:
            refused = refused or error
            continue
        if source is not None:
            sources.append(source)
    if not sources:
        if refused is not None:
            raise refused
        raise BadFile(
            "not-an-image",
            hint=f"{path.name} holds no image or stack of images (spectra or 4D data). Export one.",
        )
    for wanted in _PREFERRED:
        for source in sources:
            if wanted in (source.detector or source.title or "").upper().split():
                return _with_note(source, sources)
    return _with_note(sources[0], sources)


def _with_note(source: ImageSource, sources: list[ImageSource]) -> ImageSource:
    if len(sources) == 1:
        return source
    names = ", ".join(other.title or "untitled" for other in sources)
    note = f"Of {len(sources)} images ({names}) {source.title or 'the first'} was taken."
    return ImageSource(**{**source.__dict__, "notes": (*source.notes, note)})


def _source(signal: dict[str, Any]) -> ImageSource | None:
    """One rosettasciio signal as a source; None for spectra, 4D and complex data."""
    data, axes = signal["data"], signal.get("axes") or []
    # DM writes (frames, rows, columns) without saying which axis is navigated
    if data.ndim not in (2, 3) or np.dtype(data.dtype).kind not in "buif" or min(data.shape[-2:]) < 2:
        return None
    last = axes[-2:]
    if len(last) == 2 and len({bool(axis.get("navigate", False)) for axis in last}) == 2:
        return None
    steps = [to_nm(float(axis.get("scale", 1.0)), str(axis.get("units") or "")) for axis in last]
    general = signal.get("metadata", {}).get("General", {})
    original = signal.get("original_metadata", {})
    title = general.get("title") or None
    instrument = _find(original, "InstrumentModel") or _find(original, "Name", inside="Microscope Info")
    dwell = to_us(_find(original, "DwellTime", inside="Scan"))
    if dwell is None:
        dwell = to_us(_find(original, "Sample Time", inside="DigiScan"), "us")
    detector = _find(original, "DetectorName", inside="DetectorMetadata") or _find(original, "Signal Name")
    stack = data if data.ndim == 3 else data[None]
    return ImageSource(
        shape=(int(stack.shape[0]), int(stack.shape[1]), int(stack.shape[2])),
        read=lambda index: np.asarray(stack[index]),
        pixel_size_nm=as_pixel_size(*steps) if len(steps) == 2 else None,
        dwell_us=dwell,
        detector=_short(detector) or title,
        instrument=_short(instrument),
        title=title,
    )


def _short(value: Any) -> str | None:
    return str(value)[:64] if isinstance(value, str) and value else None


def _find(tree: Any, key: str, inside: str | None = None, depth: int = 12) -> Any:
    """First value under `key` anywhere in nested dictionaries, below a branch named `inside` if given."""
    if not isinstance(tree, dict) or depth == 0:
        return None
    if inside is None and key in tree and not isinstance(tree[key], dict):
        return tree[key]
    for name, branch in tree.items():
        found = _find(branch, key, None if name == inside else inside, depth - 1)
        if found is not None:
            return found
    return None
