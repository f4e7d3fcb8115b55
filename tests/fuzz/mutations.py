"""Damage files in ways that keep enough of their structure to be read far.

Each function takes a source of chance and the content of a file, and returns another content.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable
from random import Random
from typing import Any

__all__ = [
    "Mutation",
    "mutate_archive",
    "mutate_bundle",
    "mutate_bytes",
    "mutate_hdf5",
    "mutate_json",
    "mutate_lines",
    "mutate_protobuf",
    "mutate_safetensors",
    "mutate_template",
]

Mutation = Callable[[Random, bytes], bytes]

DEEP = "deeply nested"
"""A text that is replaced by lists within lists, which ``json.dumps`` could not write."""
NUMBERS = (
    *(0, 1, -1, 2, 7, 255, 65_536, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**63, 2**64, 2**65),
    *(10**9, 10**30, -(10**9), 0.5, -0.5, 1e-300, 1e300, float("nan"), float("inf")),
)
TEXTS = (
    *("", "x", "0", "-1", "1e9", "true", "None", "\0", "\ud800", "\u2581", "é", "a" * 5000),
    *("../x", "/etc/passwd", "torch.float32", "bfloat16", "[UNK]", "<unk>", "</s>", "{{ x }}"),
    *("gelu", "Sequence", "BPE", "Unigram", "WordPiece", "WordLevel", "Replace", DEEP),
)
SIZES = (b"\xff" * 8, b"\0" * 8, b"\x7f" + b"\xff" * 7, (2**31).to_bytes(8, "little"))
TEMPLATES = (
    *("{{", "}}", "{%", "%}", "{% for m in messages %}", "{% endfor %}", "{% if %}", "{% endif %}"),
    *("{{ nothing.at.all }}", "{{ messages[99] }}", "{{ messages | nothing }}", "{{ 1 / 0 }}"),
    *("{{ ''.__class__.__mro__ }}", "{{ 'a' * 10 }}", "{% generation %}", "{% include 'x' %}"),
    *("{{ raise_exception('no') }}", "{{ strftime_now(1) }}", "{% set x = 1 %}", "{{ 9 ** 99 }}"),
    *("{{ messages | tojson(indent='x') }}", "{% macro a() %}{{ a() }}{% endmacro %}{{ a() }}"),
    *("{{ range(1000000000) | list }}", "{{ 'a' * 1000000000 }}", "{{ 9 ** 9 ** 9 }}"),
    *("{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",),
)


def mutate_bytes(draw: Random, data: bytes) -> bytes:
    """Flip, replace, remove, repeat or insert bytes at a few places, or cut the end."""
    changed = bytearray(data)
    for _ in range(draw.choice((1, 1, 1, 2, 4, 8))):
        place = draw.randrange(len(changed) + 1)
        length = draw.choice((1, 1, 2, 4, 8, 64))
        match draw.randrange(8):
            case 0 if place < len(changed):
                changed[place] ^= 1 << draw.randrange(8)
            case 1 if place < len(changed):
                changed[place] = draw.randrange(256)
            case 2:
                del changed[place : place + length]
            case 3:
                changed[place:place] = changed[place : place + length]
            case 4:
                changed[place:place] = draw.randbytes(length)
            case 5:
                changed[place : place + 8] = draw.choice(SIZES)
            case 6 if draw.random() < 0.3:
                del changed[place:]
            case _:
                other = draw.randrange(len(changed) + 1)
                changed[place : place + length] = changed[other : other + length]
    return bytes(changed)


def mutate_json(draw: Random, data: bytes) -> bytes:
    """Change some values, keys or the spelling of a JSON file."""
    if draw.random() < 0.1:
        return mutate_bytes(draw, data)
    value = json.loads(data)
    for _ in range(draw.choice((1, 1, 1, 2, 3))):
        value = _changed(draw, value)
    text = json.dumps(value).replace(f'"{DEEP}"', "[" * 100_000 + "]" * 100_000)
    match draw.randrange(40):
        case 0:
            return text.encode("utf-16")
        case 1:
            return text.replace("{", '{"x": 1, "x": 2, ', 1).encode()
        case 2:
            return text.replace(": ", ": 1" + "0" * 5000 + ", " + '"y": ', 1).encode()
        case 3:
            return b"\xef\xbb\xbf" + text.encode()
    return text.encode()


def _changed(draw: Random, document: Any) -> Any:
    """Change one place of a document, drawn evenly among its containers and values."""
    places = list(_places(document))
    if not places:
        return _any_value(draw, document)
    owner, key = draw.choice(places)
    value = owner[key]
    match draw.randrange(9):
        case 0:
            del owner[key]
        case 1 if isinstance(owner, dict):
            owner[draw.choice((*TEXTS, str(key).upper()))] = owner.pop(key)
        case 2 if isinstance(owner, list):
            owner.insert(key, draw.choice((value, _any_value(draw, document))))
        case 3:
            owner[key] = [value]
        case 4 if isinstance(value, int | float):
            owner[key] = draw.choice((value + 1, value - 1, -value, value * 1000, str(value)))
        case 5 if isinstance(value, str) and value:
            place = draw.randrange(len(value))
            owner[key] = value[:place] + draw.choice(TEXTS) + value[place + 1 :]
        case 6:
            other, name = draw.choice(places)
            owner[key] = json.loads(json.dumps(other[name]))
        case _:
            owner[key] = _any_value(draw, document)
    return document


def _any_value(draw: Random, document: Any) -> Any:
    kind = draw.randrange(6)
    if kind < 2:
        return draw.choice(NUMBERS)
    if kind < 4:
        return draw.choice(TEXTS)
    return draw.choice((None, True, False, [], {}, [[]], {"": {}}, [1, "x", None], {"x": [0]}))


def _places(value: Any) -> Any:
    """Yield every container with each of its keys."""
    if isinstance(value, dict | list):
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from _places(value[key])


def mutate_safetensors(draw: Random, data: bytes) -> bytes:
    """Change the header and let its length fit, or change the length or any bytes."""
    length = int.from_bytes(data[:8], "little")
    kind = draw.randrange(6)
    if kind == 0:
        return mutate_bytes(draw, data)
    if kind == 1:
        return draw.choice((*SIZES, (length + 1).to_bytes(8, "little"))) + data[8:]
    header = mutate_json(draw, data[8 : 8 + length])
    return len(header).to_bytes(8, "little") + header + data[8 + length :]


def mutate_protobuf(draw: Random, data: bytes) -> bytes:
    """Remove, repeat, swap or change fields of a message, or of messages in it."""
    if draw.random() < 0.2:
        return mutate_bytes(draw, data)
    fields = list(_fields(data))
    for _ in range(draw.choice((1, 1, 2, 4))):
        place = draw.randrange(len(fields))
        number, wire, content = fields[place]
        match draw.randrange(7):
            case 0 if len(fields) > 1:
                del fields[place]
            case 1:
                fields.insert(place, fields[draw.randrange(len(fields))])
            case 2:
                fields[place] = fields[draw.randrange(len(fields))]
            case 3:
                fields[place] = draw.randrange(1, 40), wire, content
            case 4 if wire == 0:
                fields[place] = number, wire, _varint(abs(int(draw.choice(NUMBERS[:14]))))
            case _ if wire == 2 and content:
                inner = mutate_protobuf if _is_message(content) else mutate_bytes
                fields[place] = number, wire, inner(draw, content)
            case _:
                fields[place] = number, wire, mutate_bytes(draw, content)
    return b"".join(
        _varint(number << 3 | wire) + (_varint(len(content)) if wire == 2 else b"") + content
        for number, wire, content in fields
    )


def _is_message(content: bytes) -> bool:
    try:
        return all(0 < number < 50 for number, _, _ in _fields(content))
    except (IndexError, ValueError):
        return False


def _fields(data: bytes) -> Any:
    """Yield number, wire type and content of each field."""
    place = 0
    while place < len(data):
        key, place = _number(data, place)
        wire = key & 7
        if wire == 2:
            length, start = _number(data, place)
        else:
            start = place
            length = {0: _number(data, place)[1] - place, 1: 8, 5: 4}.get(wire, -1)
        if not 0 <= length <= len(data) - start:
            raise ValueError("no message")
        place = start + length
        yield key >> 3, wire, data[start:place]


def _number(data: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        value |= (data[place] & 127) << shift
        place, shift = place + 1, shift + 7
        if data[place - 1] < 128:
            return value, place


def _varint(value: int) -> bytes:
    return bytes([value]) if value < 128 else bytes([value & 127 | 128]) + _varint(value >> 7)


def mutate_hdf5(draw: Random, data: bytes) -> bytes:
    """Change numbers of what an HDF5 file says about itself, or swap addresses in it."""
    changed = bytearray(data)
    marks = [found.start() for found in re.finditer(rb"TREE|SNOD|HEAP", data)]
    addresses = [mark.to_bytes(8, "little") for mark in marks]
    pointers = [found.start() for address in addresses[:40] for found in _all(address, data)]
    for _ in range(draw.choice((1, 1, 2, 4))):
        match draw.randrange(4):
            case 0 if pointers:
                place = draw.choice(pointers)
                changed[place : place + 8] = draw.choice((*addresses, *SIZES))
            case 1:
                place = draw.choice(marks) + 4 + draw.randrange(60)
                changed[place] = draw.randrange(256)
            case 2:
                place = draw.choice(marks) + 8 * draw.randrange(16)
                changed[place : place + 8] = draw.choice(SIZES)
            case _:
                place = draw.randrange(len(changed) - 16) & ~7
                changed[place : place + 8] = draw.choice((*addresses, *SIZES))
    return bytes(changed)


def _all(part: bytes, data: bytes) -> Any:
    return re.finditer(re.escape(part), data)


def mutate_bundle(draw: Random, data: bytes) -> bytes:
    """Change the blocks of an index of TensorFlow, and let their checksums fit again."""
    from automodel_tensorflow.checksums import checksum

    changed = bytearray(data)
    footer = changed[-48:]
    numbers, place = [], 0
    for _ in range(4):
        number, place = _number(footer, place)
        numbers.append(number)
    start, size = draw.choice(((0, numbers[0] - 5), (numbers[2], numbers[3])))
    for _ in range(draw.choice((1, 1, 2, 4))):
        place = start + draw.randrange(max(size, 1))
        changed[place] = draw.choice((0, 1, 127, 128, 255, draw.randrange(256)))
    sealed = checksum(bytes(changed[start : start + size + 1])).to_bytes(4, "little")
    changed[start + size + 1 : start + size + 5] = sealed
    return bytes(changed)


def mutate_lines(draw: Random, data: bytes) -> bytes:
    """Remove, repeat, swap or change lines, or all of them."""
    kind = draw.randrange(10)
    if kind == 0:
        return mutate_bytes(draw, data)
    if kind == 1:
        return draw.choice((b"", b"\n", b"\0", b"\xff\xfe", b"\n" * 1000, data * 3))
    lines = data.decode().split("\n")
    for _ in range(draw.choice((1, 1, 2, 5))):
        place = draw.randrange(len(lines))
        match draw.randrange(5):
            case 0 if len(lines) > 1:
                del lines[place]
            case 1:
                lines.insert(place, lines[draw.randrange(len(lines))])
            case 2:
                lines[place] = draw.choice(TEXTS)
            case 3:
                lines[place] += draw.choice((" ", "\r", "\t", " x", "\0", "\u2028", lines[place]))
            case _:
                lines.insert(place, draw.choice(TEXTS))
    return "\n".join(lines).encode("utf-8", "surrogatepass")


def mutate_template(draw: Random, data: bytes) -> bytes:
    """Insert or remove pieces of a Jinja template."""
    pieces = re.split(r"(\{[{%].*?[%}]\})", data.decode())
    for _ in range(draw.choice((1, 1, 2, 3))):
        place = draw.randrange(len(pieces))
        match draw.randrange(4):
            case 0 if len(pieces) > 1:
                del pieces[place]
            case 1:
                pieces.insert(place, pieces[draw.randrange(len(pieces))])
            case 2:
                pieces[place] = mutate_bytes(draw, pieces[place].encode()).decode("latin-1")
            case _:
                pieces.insert(place, draw.choice(TEMPLATES))
    return "".join(pieces).encode("utf-8", "surrogatepass")


def mutate_archive(draw: Random, data: bytes) -> bytes:
    """Change the records of a file of ``torch.save``, or any of its bytes."""
    if draw.random() < 0.3 or not data.startswith(b"PK"):
        return mutate_bytes(draw, data)
    result = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source:
        records = [(entry.filename, source.read(entry)) for entry in source.infolist()]
    chosen = draw.randrange(len(records))
    if draw.random() < 0.7:
        chosen = next(i for i, (name, _) in enumerate(records) if name.endswith("data.pkl"))
    name, content = records[chosen]
    match draw.randrange(8):
        case 0:
            del records[chosen]
        case 1:
            records[chosen] = name + "x", content
        case _:
            records[chosen] = name, mutate_bytes(draw, content)
    packed = zipfile.ZIP_DEFLATED if draw.random() < 0.05 else zipfile.ZIP_STORED
    with zipfile.ZipFile(result, "w", packed) as target:
        for name, content in records:
            target.writestr(name, content)
    return result.getvalue()
