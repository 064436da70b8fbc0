"""Faults in which a request is lost on a connection, with the error that a change raises."""

from __future__ import annotations

import gzip

import octaspace
from tests.support.fault_server import (
    Behaviour,
    answer,
    close_after_reading,
    close_unread,
    http,
    raw,
    reset_after_reading,
    reset_unread,
    stall,
    stall_in_body,
    truncate,
)

CONNECTION, TIMEOUT = octaspace.ConnectionError, octaspace.TimeoutError

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
EARLY_HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n"

Fault = tuple[Behaviour, type[octaspace.NetworkError]]

#: The connection fails, or no more data arrives.
BROKEN_OFF: dict[str, Fault] = {
    "close unread": (close_unread, CONNECTION),
    "reset unread": (reset_unread, CONNECTION),
    "close after reading": (close_after_reading, CONNECTION),
    "reset after reading": (reset_after_reading, CONNECTION),
    "stall before the status line": (stall, TIMEOUT),
    "stall in the status line": (raw(b"HTTP/1.1 2", then="hold"), TIMEOUT),
    "stall in the headers": (raw(OK + b"Content-Le", then="hold"), TIMEOUT),
    "stall in the body": (stall_in_body, TIMEOUT),
    "close in the headers": (raw(OK + b"Content-Le"), CONNECTION),
    "close between the headers": (raw(OK + b"Content-Type: application/json\r\n"), CONNECTION),
    "close behind the status line": (raw(OK), CONNECTION),
    "close in the line between head and body": (raw(OK + b"Server: x\r\n\r"), CONNECTION),
    "body cut short": (truncate, CONNECTION),
    "reset in the body": (raw(http(200, b'{"a": 1}')[:-4], then="reset"), CONNECTION),
    "chunk cut short": (raw(CHUNKED + b"ff\r\n{}"), CONNECTION),
    "chunks without a last one": (raw(CHUNKED + b"2\r\n{}\r\n"), CONNECTION),
    "a last chunk cut short": (raw(CHUNKED + b"2\r\n{}\r\n0"), CONNECTION),
    "a last chunk without its end": (raw(CHUNKED + b"2\r\n{}\r\n0\r\n"), CONNECTION),
    "trailers without an end": (raw(CHUNKED + b"2\r\n{}\r\n0\r\nX: y\r\n"), CONNECTION),
    "chunks that are none and end": (raw(CHUNKED + b"0\r\n"), CONNECTION),
    "gzip cut short": (
        answer(body=gzip.compress(b'{"a": 1}')[:-9], headers={"Content-Encoding": "gzip"}),
        CONNECTION,
    ),
    "an interim answer and no other": (raw(EARLY_HINTS), CONNECTION),
    "an interim answer and silence": (raw(EARLY_HINTS, then="hold"), TIMEOUT),
}

#: The response is not valid HTTP.
MALFORMED: dict[str, Fault] = {
    "chunk size that is not a number": (raw(CHUNKED + b"zz\r\n{}\r\n"), CONNECTION),
    "chunk size below zero": (raw(CHUNKED + b"-1\r\n{}\r\n0\r\n\r\n"), CONNECTION),
    "chunk size with a sign": (raw(CHUNKED + b"+2\r\n{}\r\n0\r\n\r\n"), CONNECTION),
    "chunk size without end": (raw(CHUNKED + b"2;" + b"x" * 70_000), CONNECTION),
    "trailers without end": (raw(CHUNKED + b"2\r\n{}\r\n0\r\n" + b"X: y\r\n" * 200), CONNECTION),
    "no HTTP at all": (raw(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"), CONNECTION),
    "another version of HTTP": (raw(b"HTTP/3.0 200 OK\r\n\r\n"), CONNECTION),
    "status that is not a number": (raw(b"HTTP/1.1 abc Reason\r\n\r\n"), CONNECTION),
    "status line without end": (raw(b"HTTP/1.1 200 " + b"x" * 70_000), CONNECTION),
    "header line too long": (raw(OK + b"X: " + b"y" * 70_000 + b"\r\n\r\n{}"), CONNECTION),
    "too many headers": (raw(OK + b"X: y\r\n" * 200 + b"\r\n{}"), CONNECTION),
    "header line without a colon": (raw(OK + b"nonsense\r\nContent-Length: 2\r\n\r\n{}"), CONNECTION),
    "header line without a name": (raw(OK + b": x\r\nContent-Length: 2\r\n\r\n{}"), CONNECTION),
    "length that is not a number": (raw(OK + b"Content-Length: two\r\n\r\n{}"), CONNECTION),
    "length below zero": (raw(OK + b"Content-Length: -2\r\n\r\n{}"), CONNECTION),
    "length of too many digits": (raw(OK + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n{}"), CONNECTION),
    "two lengths": (raw(OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}"), CONNECTION),
    "two lengths in one field": (raw(OK + b"Content-Length: 2, 2\r\n\r\n{}"), CONNECTION),
    "length behind white space that is none": (raw(OK + b"Content-Length: \xa02\r\n\r\n{}"), CONNECTION),
    "length behind a form feed": (raw(OK + b"Content-Length: \x0c2\r\n\r\n{}"), CONNECTION),
    "transfer encoding behind a vertical tab": (
        raw(OK + b"Transfer-Encoding: \x0bchunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"),
        CONNECTION,
    ),
    "transfer encoding behind white space that is none": (
        raw(OK + b"Transfer-Encoding: \xa0chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"),
        CONNECTION,
    ),
    "length and chunks": (
        raw(OK + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"),
        CONNECTION,
    ),
    "unknown transfer encoding": (raw(OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n{}"), CONNECTION),
    "interim answers without end": (raw(EARLY_HINTS * 100), CONNECTION),
    "another protocol": (raw(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"), CONNECTION),
}

FAULTS = {**BROKEN_OFF, **MALFORMED}
