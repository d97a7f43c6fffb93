"""Objects that the warehouse loads itself: judged there by SQL, line by line, or handed to the client.

What is common is judged there: plain messages whose values all fit. A line that is anything else (no message, a value
that does not fit, a number that a double harms, an escape in a key) is fetched and goes the client's way, so that no
rule of the client's is written twice. Routing is the client's too: the warehouse says which kinds of message there are,
without their values, and the client says what becomes of each kind.
"""
