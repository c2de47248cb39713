#!/usr/bin/env python3
"""Who gets which variant, without the database: the algorithm of docs/assignment.md in plain integers.

Reads lines of JSON, {"salt": .., "user": .., "keys": [..], "ppm": [..], "coverage_ppm": .., "holdout": .., "holdout_ppm": ..,
"namespace": .., "lo_ppm": .., "hi_ppm": ..}, and prints a line of JSON for each: the key of the variant, or null.
"""
import json
import sys

MASK = (1 << 64) - 1
P1, P2, P3, P4, P5 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5


def rotate(x, n):
    return (x << n | x >> (64 - n)) & MASK


def mix(acc, lane):
    return rotate(acc + lane * P2 & MASK, 31) * P1 & MASK


def xxh64(data):
    words = [int.from_bytes(data[i:i + 8], "little") for i in range(0, len(data) - 7, 8)]
    if len(data) >= 32:
        accs = [P1 + P2 & MASK, P2, 0, -P1 & MASK]
        for i in range(len(data) // 32 * 4):
            accs[i % 4] = mix(accs[i % 4], words[i])
        h = sum(rotate(acc, n) for acc, n in zip(accs, (1, 7, 12, 18))) & MASK
        for acc in accs:
            h = ((h ^ mix(0, acc)) * P1 + P4) & MASK
    else:
        h = P5
    h = h + len(data) & MASK
    for word in words[len(data) // 32 * 4:]:
        h = (rotate(h ^ mix(0, word), 27) * P1 + P4) & MASK
    rest = data[len(data) // 8 * 8:]
    if len(rest) >= 4:
        h = (rotate(h ^ int.from_bytes(rest[:4], "little") * P1 & MASK, 23) * P2 + P3) & MASK
        rest = rest[4:]
    for byte in rest:
        h = rotate(h ^ byte * P5 & MASK, 11) * P1 & MASK
    h = (h ^ h >> 33) * P2 & MASK
    h = (h ^ h >> 29) * P3 & MASK
    return h ^ h >> 32


def hash64(*parts):
    return xxh64(b"\0".join(part.encode() for part in parts))


def slot(h):
    return (h >> 32) * 1000000 >> 32


def nl2(h):
    zeros = 64 - (h | 1).bit_length()
    y, f = (h | 1) << zeros, 0
    for _ in range(32):
        square = y * y
        bit = square >> 127
        f, y = 2 * f + bit, square >> (63 + bit)
    return ((zeros + 1) << 32) - f


def variant(salt, user, keys, ppm):
    best = None
    for key, weight in sorted(zip(keys, ppm), key=lambda pair: pair[0].encode()):
        score = nl2(hash64("pr1", "arm", salt, user, key))
        if weight > 0 and (best is None or score * best[1] < best[0] * weight):
            best = score, weight, key
    return best and best[2]


def assign(salt, user, keys, ppm, coverage_ppm=1000000, holdout=None, holdout_ppm=0, namespace=None, lo_ppm=0, hi_ppm=0):
    if holdout is not None and slot(hash64("pr1", "hold", holdout, user)) < holdout_ppm:
        return None
    if namespace is not None and not lo_ppm <= slot(hash64("pr1", "ns", namespace, user)) < hi_ppm:
        return None
    if slot(hash64("pr1", "cov", salt, user)) >= coverage_ppm:
        return None
    return variant(salt, user, keys, ppm)


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(assign(**json.loads(line)), ensure_ascii=False))
