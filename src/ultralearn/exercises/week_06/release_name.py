"""Week 6: `release_name`."""

import hashlib
import json
from collections.abc import Callable
from typing import Any
from unittest import mock

import numpy as np

from ultralearn.exercises.week_06.common import Seen
from ultralearn.practice import Declaration, Probe


def release_name(files: dict[str, bytes]) -> str:
    """A name for a release that is made from its content: 12 characters of
    0-9 and a-f.

    files: by name, what is in them. The same files always have the same
    name, in whatever order they come, in every process and on every
    machine. Another name it is where anything differs: a byte, a file's
    name, a file too many, even an empty one, or where a byte has moved
    from the end of one file to the beginning of the next.
    """
    whole = hashlib.sha256()
    for name in sorted(files):
        for part in (name.encode(), files[name]):
            whole.update(len(part).to_bytes(8, "big"))
            whole.update(part)
    return whole.hexdigest()[:12]


def _variants(files: dict[str, bytes]) -> dict[str, dict[str, bytes]]:
    """Releases to be named, by what they are called in the learner's message."""
    first, second, *rest = sorted(files)
    kept = {name: files[name] for name in rest}
    changed = bytes([files[first][0] ^ 1]) + files[first][1:]
    moved = {first: files[first][:-1], second: files[first][-1:] + files[second]}
    joined = f"{second}{files[second][:1].decode('latin-1')}"
    return {
        "in another order": dict(reversed(list(files.items()))),
        "a byte changed": files | {first: changed},
        "two files exchanged": files | {first: files[second], second: files[first]},
        "a file called otherwise": kept | {first: files[first], f"{second}.old": files[second]},
        "a byte moved to the next file": kept | moved,
        "a byte moved into a name": kept | {first: files[first], joined: files[second][1:]},
        "an empty file more": files | {"~empty": b""},
        "another empty file more": files | {"~other": b""},
        "a file fewer": {name: files[name] for name in sorted(files)[1:]},
        "what is in a file twice": files | {"~copy": files[first]},
    }


def _names(function: Callable[..., Any], files: dict[str, bytes]) -> Seen:
    """Of what form the name is, and which other releases have the same one."""
    own = function(files=dict(files))
    if not isinstance(own, str):
        return {"the name": type(own).__name__}
    form = f"{len(own)} characters" if set(own) <= set("0123456789abcdef") else "not of 0-9 and a-f"
    with mock.patch("builtins.hash", lambda value, own=hash: -own((value, 1))):
        tomorrow = function(files=dict(files))
    seen: Seen = {"the name": form, "in a process with another secret": "the same" if tomorrow == own else "another"}
    names = {label: function(files=variant) for label, variant in _variants(files).items()}
    seen |= {f"{label}: the name": "the same" if name == own else "another" for label, name in names.items()}
    seen["different names in all"] = len({own, *names.values()})
    return seen


def _files(size: int, seed: int) -> Seen:
    rng = np.random.default_rng(seed)
    return {"files": {name: rng.bytes(size) for name in ("model.json", "catalog.json", "golden.json", "a")}}


declaration = Declaration(
    release_name,
    question="Two folders lie before you, and you may compare nothing but two short words. What has to go into such a "
    "word, so that equal words mean equal folders?",
    nudge="`hashlib.sha256` takes bytes, piece by piece with `update`. Names in order; before each name and each "
    "content say how long it is, always in as many bytes, so that no border gets lost.",
    probes=[
        Probe("four files of three bytes", lambda: _files(3, seed=1)),
        Probe("four files of 500 bytes", lambda: _files(500, seed=2)),
        Probe("four files of a megabyte", lambda: _files(1_000_000, seed=3), times=75),
    ],
    observe=_names,
)


@declaration.misconception
def order_counts(files):
    """The same files in another order get another name from you. A folder has no order: each file system lists it in
    its own. Put the names in order first.
    """
    whole = hashlib.sha256()
    for name, content in files.items():
        whole.update(hashlib.sha256(name.encode()).digest() + hashlib.sha256(content).digest())
    return whole.hexdigest()[:12]


@declaration.misconception
def contents_only(files):
    """Files may exchange their names and your release keeps its own: you hash what is in the files, in the order of
    their names, and not the names themselves.
    """
    whole = hashlib.sha256()
    for name in sorted(files):
        whole.update(hashlib.sha256(files[name]).digest())
    return whole.hexdigest()[:12]


@declaration.misconception
def names_only(files):
    """Your name depends on how the files are called, not on what is in them: every release has the same one."""
    return hashlib.sha256("\n".join(sorted(files)).encode()).hexdigest()[:12]


@declaration.misconception
def no_borders(files):
    """You put everything end to end and hash that. Where one file ends and the next begins is lost: move a byte across
    the border and the name stays. Write down how long each part is, or hash it first.
    """
    whole = hashlib.sha256()
    for name in sorted(files):
        whole.update(name.encode() + files[name])
    return whole.hexdigest()[:12]


@declaration.misconception
def contents_end_to_end(files):
    """You hash the contents end to end, as `cat * | sha256sum` does. Neither the names of the files nor the borders
    between them are in there.
    """
    return hashlib.sha256(b"".join(files[name] for name in sorted(files))).hexdigest()[:12]


@declaration.misconception
def sizes_only(files):
    """You look at the names and sizes, as a hurried backup does. A model that was trained anew has the same size to the
    byte, and nothing else in common with the old one.
    """
    told = json.dumps([(name, len(files[name])) for name in sorted(files)])
    return hashlib.sha256(told.encode()).hexdigest()[:12]


@declaration.misconception
def empty_files_left_out(files):
    """An empty file does not count for you. Whoever looks whether it is there will see a difference, so it is one."""
    return release_name({name: content for name, content in files.items() if content})


@declaration.misconception
def sums_of_hashes(files):
    """You combine the files' hashes with xor, or a sum, so that the order does not matter. Two equal things cancel out
    or change places unseen: names and contents have to stay together.
    """
    total = 0
    for name, content in files.items():
        for part in (name.encode(), content):
            total ^= int(hashlib.sha256(part).hexdigest(), 16)
    return f"{total:064x}"[:12]


@declaration.misconception
def pythons_own_hash(files):
    """`hash` of a text or of bytes starts from another secret in each Python process, so that nobody can attack a
    dict: your release has another name tomorrow. Take a hash that is a standard: SHA-256.
    """
    return f"{hash(tuple(sorted(files.items()))) & 0xFFFFFFFFFFFF:012x}"


@declaration.misconception
def whole_digest(files):
    """You return all 64 digits. Twelve are asked for: enough that no two of your releases meet, short enough to read
    out on the phone.
    """
    whole = hashlib.sha256()
    for name in sorted(files):
        whole.update(hashlib.sha256(name.encode()).digest() + hashlib.sha256(files[name]).digest())
    return whole.hexdigest()
