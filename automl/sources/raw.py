"""The bytes of a text file, unpacked and decoded within bounds."""

from __future__ import annotations

import codecs
import gzip
import zlib
from pathlib import Path

from automl.errors import SourceError

MAX_BYTES = 512 * 2**20
MAX_ROWS = 2_000_000
# Text packs about tenfold; what grows a hundredfold is no text. The first MiB may, so that tiny files pass.
MAX_GROWTH = 100
FREE_GROWTH = 2**20
BLOCK = 2**20
UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def refuse(code: str, message: str) -> SourceError:
    """A refusal of the file as a whole."""
    return SourceError(code, "file", message)


def check_rows(count: int, name: str = "the file") -> None:
    """Refuse more rows than are read."""
    if count > MAX_ROWS:
        raise refuse(
            "too_many_rows", f"{name} has more than {MAX_ROWS:,} rows; cut it: that many train no better"
        )


def read_bytes(path: Path) -> bytes:
    """The whole content, unpacked where the name ends in .gz. Raises SourceError for what is too large."""
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise refuse("too_large", f"{path.name} has {size:,} bytes, at most {MAX_BYTES:,} are read")
    data = _unpack(path, size) if path.suffix == ".gz" else path.read_bytes()
    if not data:
        raise refuse("empty_file", f"{path.name} is an empty file")
    return data


def read_text(path: Path, encoding: str = "utf-8") -> str:
    """The decoded text of a plain or gzip file, without a byte order mark. Raises SourceError."""
    data = read_bytes(path)
    text = _decode(data, path.name, encoding)
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise refuse("nul_byte", f"{path.name}: NUL byte in line {line}")
    return text


def _unpack(path: Path, size: int) -> bytes:
    limit = min(MAX_BYTES, max(FREE_GROWTH, MAX_GROWTH * size))
    parts, total = [], 0
    try:
        with gzip.open(path, "rb") as stream:
            while block := stream.read(BLOCK):
                total += len(block)
                if total > limit:
                    raise refuse("expands", f"{path.name} expands beyond the limit of {limit:,} bytes")
                parts.append(block)
    except gzip.BadGzipFile as error:
        raise refuse("not_gzip", f"{path.name} is not a gzip file") from error
    except (EOFError, zlib.error) as error:
        raise refuse("truncated", f"{path.name}: the compressed data ends early or is damaged") from error
    return b"".join(parts)


def _decode(data: bytes, name: str, encoding: str) -> str:
    return decoded(data, name, encoding, is_whole=True)


def decoded(data: bytes, name: str, encoding: str, *, is_whole: bool) -> str:
    """The text of a file called `name`, or of its head, which may end within a character.

    UTF-16 is known by its byte order mark, whatever the encoding. SourceError for bytes that are not of the encoding.
    """
    if data.startswith(UTF16):
        encoding = "utf-16"
    elif encoding.lower().replace("-", "") == "utf8":
        encoding = "utf-8-sig"
    try:
        return data.decode(encoding) if is_whole else codecs.getincrementaldecoder(encoding)().decode(data)
    except LookupError as error:
        raise SourceError(
            "unknown_encoding", "encoding", f"there is no encoding {encoding[:40]!r}"
        ) from error
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = f"{name}: byte {error.start} (line {line}) is not {encoding.removesuffix('-sig')}; name its encoding"
        raise SourceError("not_utf8", "encoding", message) from error
