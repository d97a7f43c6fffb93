"""The threats of docs/security.md, each tried: what an attacker would write, and what becomes of it."""
