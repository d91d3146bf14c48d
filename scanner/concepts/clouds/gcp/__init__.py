"""Google Cloud resources to concepts."""

from scanner.concepts.clouds.common import Reader
from scanner.concepts.clouds.gcp import access, jobs, machines, services, storage

READERS: dict[str, Reader] = {
    **machines.READERS,
    **services.READERS,
    **storage.READERS,
    **access.READERS,
    **jobs.READERS,
}
