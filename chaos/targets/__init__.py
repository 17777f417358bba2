"""Every decoder that reads bytes from outside, as a function of bytes that a fuzzer can call.

    target     what is read                                 what must hold
    request    a multipart message to the bridge            read again from its own encoding it is the same
    reply      a message from the bridge                    the same
    document   a stored document of every type              the same; little memory beside its own bytes
    array      an array within one                          the same; as many bytes as came
    head       Host, Origin, keys, cookies, Accept, ids     only the right key is let in
    plan       a policy, choice, pause, instrument (JSON)   it can be stored, and is the same when read again
    events     server-sent events, at the client            any bytes, in any pieces
    image      an upload: npy or raw pixels                 pixels as promised, not many more bytes than came
    tiff       an upload: TIFF                              within the limits of a frame
    picture    a file: PNG, JPEG, npz, TIFF                 within the limits of a frame

Whatever the bytes are, only errors of our own tree come out. A target raises for everything else.
"""

from __future__ import annotations

from chaos.targets import asked, documents, images, messages
from chaos.targets.target import Fuzz, Target, golden

TARGETS: dict[str, Target] = {
    one.name: one
    for one in (
        Target("request", messages.request, messages.request_seeds, 2_400_000),
        Target("reply", messages.reply, lambda: list(golden("wire").values()), 1_200_000),
        Target("document", documents.document, documents.document_seeds, 2_400_000, 4096),
        Target("array", documents.array, documents.array_seeds, 1_200_000, 512),
        Target("head", asked.head, asked.head_seeds, 1_200_000, 1024),
        Target("plan", asked.plan, asked.plan_seeds, 600_000),
        Target("events", asked.events, asked.event_seeds, 600_000),
        Target("image", images.image, images.image_seeds, 340_000, 1024),
        Target("tiff", images.tiff, images.tiff_seeds, 50_000),
        Target("picture", images.picture, images.picture_seeds, 10_000, 4096),
    )
}


def every() -> Target:
    """All quick ones in one, the first byte saying which: for a short run in one process."""
    names = [name for name in TARGETS if name not in ("tiff", "picture")]

    def make() -> Fuzz:
        made = [TARGETS[name].make() for name in names]

        def fuzz(data: bytes) -> None:
            if data:
                made[data[0] % len(made)](data[1:])

        return fuzz

    def seeds() -> list[bytes]:
        return [bytes([at]) + seed for at, name in enumerate(names) for seed in TARGETS[name].seeds()]

    return Target("every", make, seeds, sum(one.runs for one in TARGETS.values()), 2048)
