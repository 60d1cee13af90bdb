"""Devices emulated at the wire: what they send is rendered by pure functions of time, then put on a pty or a broker.

The climate, the sensors' behaviour and the formats' wording are pure and deterministic by seed; ``live`` alone does
I/O. The same curve serves the past (``history``) and the present.
"""
