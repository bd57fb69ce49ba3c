"""Envelopes: what nodes send each other, sealed so that no stranger can make one.

An envelope is a MAC, then a msgpack body::

    HMAC-SHA256(key, body)  32 bytes
    body                    [wire version, Unix ns, nonce, message]

The nonce of an answer is that of its call, so an answer fits one call only. What is older
than WINDOW seconds, or was seen before, is refused; a request that slips through to another
worker all the same runs once, since it has an id. User values inside messages are the codec's
bytes already. Nothing is pickled.
"""
