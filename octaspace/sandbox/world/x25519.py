"""X25519 (RFC 7748) in plain Python: the public key of a WireGuard private key.

Slow and not in constant time: for keys of the sandbox, which protect nothing.
"""

from __future__ import annotations

_PRIME = 2**255 - 19
_A24 = 121_665


def clamp(secret: bytes) -> bytes:
    """32 bytes as a private key: the bits that RFC 7748 fixes are set as it says."""
    return bytes([secret[0] & 248, *secret[1:31], secret[31] & 127 | 64])


def public_key(private: bytes) -> bytes:
    """The public key, 32 bytes, of a private key of 32 bytes."""
    return _multiply(int.from_bytes(clamp(private), "little"), 9).to_bytes(32, "little")


def _multiply(scalar: int, u: int) -> int:
    """The Montgomery ladder, in the names of RFC 7748, section 5."""
    x2, z2, x3, z3 = 1, 0, u, 1
    for bit in range(254, -1, -1):
        swap = scalar >> bit & 1
        if swap:
            x2, z2, x3, z3 = x3, z3, x2, z2
        a, b = x2 + z2, x2 - z2
        aa, bb = a * a % _PRIME, b * b % _PRIME
        e = aa - bb
        da, cb = (x3 - z3) * a, (x3 + z3) * b
        x3, z3 = (da + cb) ** 2 % _PRIME, u * (da - cb) ** 2 % _PRIME
        x2, z2 = aa * bb % _PRIME, e * (aa + _A24 * e) % _PRIME
        if swap:
            x2, z2, x3, z3 = x3, z3, x2, z2
    return x2 * pow(z2, _PRIME - 2, _PRIME) % _PRIME
