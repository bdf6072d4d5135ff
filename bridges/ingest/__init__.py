"""The way of a message from any protocol into the domain: decode, store, fan out, acknowledge, in batches.

A protocol makes a `Delivery` of each message (`delivery.py`) and offers it to a `Pipeline` (`pipeline.py`), which has
batches decoded and stored by the `BatchProcessor` (`batches.py`). A protocol that answers each request uses
`direct.py` instead.
"""
