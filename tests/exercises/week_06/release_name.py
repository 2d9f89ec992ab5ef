import hashlib
import json
import zlib


def named_by_json(files):
    told = {name: hashlib.blake2b(content).hexdigest() for name, content in files.items()}
    return hashlib.md5(json.dumps(told, sort_keys=True).encode()).hexdigest()[-12:]


def folder_as_it_lies(files):
    return hashlib.sha1(repr(list(files.items())).encode()).hexdigest()[:12]


def cat_and_checksum(files):
    return hashlib.md5(b"".join(content for _, content in sorted(files.items()))).hexdigest()[:12]


def names_and_contents_run_together(files):
    whole = b"".join(name.encode() + content for name, content in sorted(files.items()))
    return hashlib.blake2s(whole).hexdigest()[:12]


def two_short_checksums_summed(files):
    total = sum(zlib.crc32(name.encode()) + zlib.crc32(content) for name, content in files.items())
    return f"{total:012x}"[-12:]


SECOND = named_by_json
VARIANTS = {
    "order_counts": folder_as_it_lies,
    "contents_end_to_end": cat_and_checksum,
    "no_borders": names_and_contents_run_together,
    "sums_of_hashes": two_short_checksums_summed,
}
EQUIVALENT: dict[str, str] = {"8 → 9": "a length in nine bytes says what it says in eight"}
