#!/usr/bin/env python3
"""Random blocks of every type and their weights, by the Python package `gguf` (MIT); halves by NumPy.

usage: make_blocks.py      (writes blocks.bin and halves.bin beside itself; needs gguf and numpy)

blocks.bin: for each type u32 number in ggml_type, u32 blocks, the blocks, and their weights as f32; little endian.
halves.bin: pairs of u32 (bits of an f32) and u32 (bits of the nearest f16).
Both are made of random numbers only; nobody's rights are in them.
"""
import os
import struct
import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType as T
from gguf.quants import dequantize

HERE = os.path.dirname(os.path.abspath(__file__))
# Places of the halves (scale, minimum) in a block.
HALVES = {T.Q8_0: [0], T.Q4_0: [0], T.Q4_1: [0, 2], T.Q5_0: [0], T.Q5_1: [0, 2], T.Q4_K: [0, 2], T.Q5_K: [0, 2], T.Q6_K: [208]}
# 0, -0, smallest and largest subnormal, smallest normal, 1, -1, largest, infinities, not a number.
SPECIAL = [0x0000, 0x8000, 0x0001, 0x83FF, 0x0400, 0x3C00, 0xBC00, 0x7BFF, 0x7C00, 0xFC00, 0x7E01]

rng = np.random.default_rng(20261124)
with open(f"{HERE}/blocks.bin", "wb") as out, np.errstate(all="ignore"):
    for kind in [T.F32, T.F16, T.BF16, *HALVES]:
        size = GGML_QUANT_SIZES[kind][1]
        if kind in HALVES:
            ordinary = rng.integers(0, 256, (24, size), dtype=np.uint8)
            for block in ordinary:
                for at in HALVES[kind]:
                    block[at:at + 2] = np.frombuffer(np.float16(rng.normal() * 0.1).tobytes(), np.uint8)
            special = rng.integers(0, 256, (len(SPECIAL) * len(HALVES[kind]), size), dtype=np.uint8)
            for i, block in enumerate(special):
                for at in HALVES[kind]:
                    block[at:at + 2] = np.frombuffer(np.float16(0.5).tobytes(), np.uint8)
                at = HALVES[kind][i // len(SPECIAL)]
                block[at:at + 2] = list(struct.pack("<H", SPECIAL[i % len(SPECIAL)]))
            # All bits unset, all set, and nothing restrained.
            same = np.stack([np.zeros(size, np.uint8), np.full(size, 255, np.uint8)])
            free = rng.integers(0, 256, (8, size), dtype=np.uint8)
            blocks = np.concatenate([ordinary, special, same, free])
        else:
            blocks = rng.integers(0, 256, (256, size), dtype=np.uint8)
        weights = dequantize(blocks, kind).astype("<f4").reshape(-1)
        out.write(struct.pack("<II", int(kind), len(blocks)) + blocks.tobytes() + weights.tobytes())

bits = rng.integers(0, 2**32, 512, dtype=np.uint32)
# Where rounding is hard: around all sizes a half can have, and halfway between two halves.
around = rng.uniform(-27, 17, 1024)
around = (np.exp2(around) * rng.choice([-1.0, 1.0], around.size)).astype(np.float32).view(np.uint32)
between = np.arange(0, 0x7C00, 61, dtype=np.uint16)
low, high = between.view(np.float16).astype(np.float32), (between + 1).view(np.float16).astype(np.float32)
low, high = low[np.isfinite(high)], high[np.isfinite(high)]
halfway = ((low + high) / 2).astype(np.float32).view(np.uint32)
edges = np.array([0, 1 << 31, 0x33000000, 0x33000001, 0x387FFFFF, 0x477FEFFF, 0x477FF000, 0x7F800000, 0xFF800000], np.uint32)
bits = np.concatenate([bits, around, halfway, halfway - 1, halfway + 1, edges])
with np.errstate(all="ignore"):
    halves = bits.view(np.float32).astype(np.float16).view(np.uint16).astype(np.uint32)
np.stack([bits, halves], 1).astype("<u4").tofile(f"{HERE}/halves.bin")
