"""Ends with 0 where the address answers 200: `python deploy/healthy.py http://127.0.0.1:8000/readyz`."""

import sys
import urllib.error
import urllib.request

try:
    urllib.request.urlopen(sys.argv[1], timeout=4).close()  # noqa: S310 - the address is the compose file's own
except (OSError, urllib.error.HTTPError) as error:
    sys.exit(f"{sys.argv[1]}: {error}")
