#!/usr/bin/env node
// Who gets which variant, without the database: the algorithm of docs/assignment.md in BigInt.
// Reads lines of JSON and prints a line of JSON for each, as assign.py does.
'use strict';

const MASK = (1n << 64n) - 1n;
const [P1, P2, P3, P4, P5] = [0x9E3779B185EBCA87n, 0xC2B2AE3D27D4EB4Fn, 0x165667B19E3779F9n, 0x85EBCA77C2B2AE63n, 0x27D4EB2F165667C5n];
const rotate = (x, n) => ((x << n) | (x >> (64n - n))) & MASK;
const mix = (acc, lane) => (rotate((acc + lane * P2) & MASK, 31n) * P1) & MASK;

function xxh64(data) {
  let h = P5, at = 0;
  if (data.length >= 32) {
    const accs = [(P1 + P2) & MASK, P2, 0n, -P1 & MASK];
    for (; at + 32 <= data.length; at += 32) {
      for (let i = 0; i < 4; i++) accs[i] = mix(accs[i], data.readBigUInt64LE(at + 8 * i));
    }
    h = [1n, 7n, 12n, 18n].reduce((sum, n, i) => sum + rotate(accs[i], n), 0n) & MASK;
    for (const acc of accs) h = ((h ^ mix(0n, acc)) * P1 + P4) & MASK;
  }
  h = (h + BigInt(data.length)) & MASK;
  for (; at + 8 <= data.length; at += 8) h = (rotate(h ^ mix(0n, data.readBigUInt64LE(at)), 27n) * P1 + P4) & MASK;
  if (at + 4 <= data.length) {
    h = (rotate(h ^ ((BigInt(data.readUInt32LE(at)) * P1) & MASK), 23n) * P2 + P3) & MASK;
    at += 4;
  }
  for (; at < data.length; at++) h = (rotate(h ^ ((BigInt(data[at]) * P5) & MASK), 11n) * P1) & MASK;
  h = ((h ^ (h >> 33n)) * P2) & MASK;
  h = ((h ^ (h >> 29n)) * P3) & MASK;
  return h ^ (h >> 32n);
}

const hash64 = (...parts) => xxh64(Buffer.from(parts.join('\0'), 'utf8'));
const slot = (h) => Number(((h >> 32n) * 1000000n) >> 32n);

function nl2(h) {
  let y = h | 1n, zeros = 0n, f = 0n;
  for (; y >> 63n === 0n; y <<= 1n) zeros++;
  for (let i = 0; i < 32; i++) {
    const square = y * y, bit = square >> 127n;
    f = 2n * f + bit;
    y = square >> (63n + bit);
  }
  return ((zeros + 1n) << 32n) - f;
}

function variant(salt, user, keys, ppm) {
  let best = null;
  const bytes = (key) => Buffer.from(key, 'utf8');
  for (const i of keys.keys()) {
    if (ppm[i] === 0) continue;
    const mine = { score: nl2(hash64('pr1', 'arm', salt, user, keys[i])), weight: BigInt(ppm[i]), key: keys[i] };
    const order = best === null ? -1n : mine.score * best.weight - best.score * mine.weight;
    if (order < 0n || (order === 0n && Buffer.compare(bytes(mine.key), bytes(best.key)) < 0)) best = mine;
  }
  return best && best.key;
}

function assign({ salt, user, keys, ppm, coverage_ppm = 1000000, holdout = null, holdout_ppm = 0, namespace = null, lo_ppm = 0, hi_ppm = 0 }) {
  if (holdout !== null && slot(hash64('pr1', 'hold', holdout, user)) < holdout_ppm) return null;
  if (namespace !== null) {
    const place = slot(hash64('pr1', 'ns', namespace, user));
    if (place < lo_ppm || place >= hi_ppm) return null;
  }
  return slot(hash64('pr1', 'cov', salt, user)) < coverage_ppm ? variant(salt, user, keys, ppm) : null;
}

require('fs').readFileSync(0, 'utf8').split('\n').filter((line) => line !== '')
  .forEach((line) => console.log(JSON.stringify(assign(JSON.parse(line)))));
