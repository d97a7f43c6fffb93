"""A slow, independent reference of sync: plain Python, written from the documents, one message at a time.

It shares no code with engagectl.sync: only the model values of feeds and column types. It decides what the right tables
are; the engine has to agree, cell for cell.
"""
