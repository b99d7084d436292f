# SPDX-License-Identifier: LGPL-2.1-or-later
"""Ways to break a file, for fuzz/mutate: an ELF core, an ELF program, and packed bytes. All take a random.Random, and give bytes. No way changes anything of the machine."""

import lzma
import shutil
import struct
import subprocess

LIMITS = (0, 1, 2, 7, 8, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x100000000, 0x7FFFFFFFFFFFFFFF, 0x8000000000000000,
          0xFFFFFFFFFFFFFFF8, 0xFFFFFFFFFFFFF000, 0xFFFFFFFFFFFFFFFF, 0x7FFFFFFFF000, 0x800000000000, 4096)
PHDR_FIELDS = {64: ((0, 4), (4, 4), (8, 8), (16, 8), (32, 8), (40, 8), (48, 8)), 32: ((0, 4), (4, 4), (8, 4), (16, 4), (20, 4), (24, 4), (28, 4))}
EHDR_FIELDS = {64: ((4, 1), (5, 1), (16, 2), (18, 2), (20, 4), (24, 8), (32, 8), (40, 8), (52, 2), (54, 2), (56, 2), (58, 2), (60, 2), (62, 2)),
               32: ((4, 1), (5, 1), (16, 2), (18, 2), (20, 4), (24, 4), (28, 4), (32, 4), (40, 2), (42, 2), (44, 2), (46, 2), (48, 2), (50, 2))}
SHDR_FIELDS = {64: ((0, 4), (4, 4), (8, 8), (16, 8), (24, 8), (32, 8), (40, 4), (44, 4), (48, 8), (56, 8)),
               32: tuple((i, 4) for i in range(0, 40, 4))}


class Elf:
    """Just enough of a well-made file's layout to know where to hit."""

    def __init__(self, data):
        self.bits = 64 if data[4] == 2 else 32
        if self.bits == 64:
            phoff, shoff = struct.unpack_from("<QQ", data, 32)
            self.phentsize, phnum, self.shentsize, shnum = struct.unpack_from("<HHHH", data, 54)
        else:
            phoff, shoff = struct.unpack_from("<II", data, 28)
            self.phentsize, phnum, self.shentsize, shnum = struct.unpack_from("<HHHH", data, 42)
        self.phdrs = [phoff + i * self.phentsize for i in range(phnum) if phoff + (i + 1) * self.phentsize <= len(data)]
        self.shdrs = [shoff + i * self.shentsize for i in range(shnum) if shoff + (i + 1) * self.shentsize <= len(data)]
        self.segments = [self.segment(data, at) for at in self.phdrs]
        self.notes = []
        for kind, offset, size in self.segments:
            if kind == 4:
                self.notes += self.walk(data, offset, min(size, len(data) - offset))

    def segment(self, data, at):
        if self.bits == 64:
            return struct.unpack_from("<I", data, at)[0], *struct.unpack_from("<Q16xQ", data, at + 8)
        return struct.unpack_from("<II8xI", data, at)

    @staticmethod
    def walk(data, offset, size):
        """(offset, type, description's offset, its size) of each note."""
        found, end = [], offset + size
        while offset + 12 <= end and len(found) < 4096:
            name, length, kind = struct.unpack_from("<III", data, offset)
            start = offset + 12 + (name + 3 & ~3)
            if start + length > end:
                break
            found.append((offset, kind, start, length))
            offset = start + (length + 3 & ~3)
        return found


def poke(data, at, size, value):
    if 0 <= at and at + size <= len(data):
        data[at:at + size] = (value & (1 << 8 * size) - 1).to_bytes(size, "little")


def limit(rng, data):
    return rng.choice(LIMITS + (len(data), len(data) - 1, len(data) + 1, rng.getrandbits(64), rng.getrandbits(16)))


# ── of any file ──

def flip_bits(rng, data, _):
    for _ in range(rng.choice((1, 2, 8, 64, 1024))):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def cut(rng, data, _):
    del data[max(1, int(len(data) ** rng.random())):]


def region(rng, data):
    size = min(len(data), int((1 << 16) ** rng.random()))
    at = rng.randrange(len(data) - size + 1)
    return at, at + size


def swap(rng, data, _):
    a, b = region(rng, data)
    c = rng.randrange(len(data) - (b - a) + 1)
    d = c + b - a
    data[a:b], data[c:d] = data[c:d], data[a:b]


def fill(rng, data, _):
    a, b = region(rng, data)
    data[a:b] = rng.choice((bytes(b - a), b"\xff" * (b - a), rng.randbytes(b - a)))


def shift(rng, data, _):
    a, b = region(rng, data)
    if rng.random() < 0.5:
        del data[a:b]
    else:
        data[a:a] = data[a:b]


# ── of ELF ──

def header(rng, data, elf):
    at, size = rng.choice(EHDR_FIELDS[elf.bits])
    poke(data, at, size, limit(rng, data))


def program_header(rng, data, elf):
    for _ in range(rng.choice((1, 1, 3))):
        at, size = rng.choice(PHDR_FIELDS[elf.bits])
        if elf.phdrs:
            poke(data, rng.choice(elf.phdrs) + at, size, limit(rng, data))


def section_header(rng, data, elf):
    for _ in range(rng.choice((1, 1, 3))):
        at, size = rng.choice(SHDR_FIELDS[elf.bits])
        if elf.shdrs:
            poke(data, rng.choice(elf.shdrs) + at, size, limit(rng, data))


def section_content(rng, data, elf):
    """Bits within one section: .eh_frame and .debug_* are small beside the rest of a file."""
    if not elf.shdrs:
        return
    at = rng.choice(elf.shdrs)
    offset, size = struct.unpack_from("<QQ", data, at + 24) if elf.bits == 64 else struct.unpack_from("<II", data, at + 16)
    if size == 0 or offset + size > len(data):
        return
    for _ in range(rng.choice((1, 4, 32))):
        data[offset + rng.randrange(size)] = rng.choice((0, 0xFF, 0x80, 0x7F, rng.randrange(256)))


def note_header(rng, data, elf):
    if elf.notes:
        poke(data, rng.choice(elf.notes)[0] + rng.choice((0, 4, 8)), 4, limit(rng, data))


def note_word(rng, data, elf):
    """Registers, counts, addresses of mappings, the auxiliary vector."""
    if not elf.notes:
        return
    _, _, start, length = rng.choice(elf.notes)
    for _ in range(rng.choice((1, 2, 8))):
        if length >= 8:
            poke(data, start + rng.randrange(length // 4) * 4, rng.choice((4, 8)), limit(rng, data))


def note_type(rng, data, elf):
    """A note becomes another one."""
    if len(elf.notes) > 1:
        poke(data, rng.choice(elf.notes)[0] + 8, 4, rng.choice(elf.notes)[1])


def memory_words(rng, data, elf):
    """Stacks and structures: pointers become others, or limits."""
    loads = [s for s in elf.segments if s[0] == 1 and s[2] >= 64 and s[1] + s[2] <= len(data)]
    if not loads:
        return
    _, offset, size = rng.choice(loads)
    for _ in range(rng.choice((4, 64, 512))):
        at = offset + rng.randrange(size // 8) * 8
        other = offset + rng.randrange(size // 8) * 8
        poke(data, at, 8, limit(rng, data) if rng.random() < 0.3 else int.from_bytes(data[other:other + 8], "little"))


ANY = (flip_bits, cut, swap, fill, shift)
CORE = ANY + (header, program_header, program_header, note_header, note_word, note_word, note_word, note_type, memory_words, memory_words)
PROGRAM = ANY + (header, program_header, section_header, section_header, section_content, section_content, section_content, section_content)


def mutate(rng, original, ways):
    """One to four mutations; where things lie is asked of the original."""
    data, elf = bytearray(original), Elf(original)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 4))):
        way = rng.choice(ways)
        try:
            way(rng, data, elf)
        except (struct.error, ValueError, IndexError):
            pass  # what it would have hit was cut off before
        if not data:
            data = bytearray(b"\0")
    return bytes(data)


# ── packed ──

def command(*words):
    def run(data):
        return subprocess.run(words, input=data, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout
    return run if shutil.which(words[0]) else None


PACKERS = [p for p in (command("zstd", "-q", "-1", "--check", "-c"), command("lz4", "-q", "-c"), lambda data: lzma.compress(data, preset=0)) if p]


def packed(rng, data, damage):
    data = bytearray(rng.choice(PACKERS)(data))
    for _ in range(damage):
        rng.choice(ANY)(rng, data, None)
        if not data:
            data = bytearray(b"\0")
    return bytes(data)
