"""What `make docs` runs."""

from schemas.catalogue import write

write()
