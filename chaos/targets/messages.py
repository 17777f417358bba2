"""What comes over ZeroMQ: requests to the bridge, and its replies."""

from __future__ import annotations

import zlib
from contextlib import suppress

import msgpack

from chaos.targets.target import Fuzz, golden
from paretoscope.contract import FrameHeader, wire
from paretoscope.contract.codec import packed_map
from paretoscope.errors import Incompatible


def _framed(header: bytes, pixels: bytes = b"") -> bytes:
    return len(header).to_bytes(2, "little") + header + pixels


def request_seeds() -> list[bytes]:
    pixels = bytes(range(12))
    seeds = [_framed(header, pixels) for header in golden("wire").values()]
    seeds += [_framed(header) for header in golden("wire").values()]
    told = {"stream": "s", "epoch": "e", "sequence": 1, "dtype": "uint16", "crc32": zlib.crc32(pixels)}
    header = FrameHeader.model_validate(told | {"shape": (2, 3), "nbytes": 12})
    return [*seeds, _framed(wire.encode(header), pixels)]


def request() -> Fuzz:
    def fuzz(data: bytes) -> None:
        end = 2 + int.from_bytes(data[:2], "little")
        header, pixels = data[2:end], data[end:]
        for parts in ([header], [header, pixels]):
            assert isinstance(wire.subject_of(parts), wire.Subject)
            try:
                came = wire.decode_request(parts)
            except (wire.BadFrame, Incompatible) as error:
                if not (error.code and error.hint):
                    raise AssertionError("a refusal without words") from error
                if error.code in ("bad-size", "bad-checksum") and len(parts) == 2:
                    _mended(header, pixels)
                continue
            _same_request(came)

    return fuzz


def _mended(header: bytes, pixels: bytes) -> None:
    """With the size and checksum that these pixels have: what a fuzzer cannot guess."""
    fields = msgpack.unpackb(header)
    crc = zlib.crc32(pixels)
    fields |= {"shape": [1, max(1, len(pixels))], "dtype": "uint8", "nbytes": len(pixels), "crc32": crc}
    with suppress(wire.BadFrame, Incompatible):
        _same_request(wire.decode_request([packed_map(fields), pixels]))


def _same_request(came: wire.Request) -> None:
    if isinstance(came, wire.FrameMessage):
        again = wire.decode_request(wire.encode_frame(came.header, came.pixels))
        assert isinstance(again, wire.FrameMessage)
        assert again.header == came.header
        assert came.image().nbytes == len(came.pixels) == came.header.nbytes
    elif isinstance(came, wire.RowsMessage):
        again = wire.decode_request([wire.encode(came.block), came.pixels])
        assert isinstance(again, wire.RowsMessage)
        assert again.block == came.block
    else:
        assert wire.decode_request([wire.encode(came)]) == came


def reply() -> Fuzz:
    def fuzz(data: bytes) -> None:
        with suppress(wire.BadFrame, Incompatible):
            came = wire.decode_reply([data])
            assert wire.decode_reply([wire.encode(came)]) == came

    return fuzz
