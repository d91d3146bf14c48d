"""Azure resources to concepts."""

from scanner.concepts.clouds.azure import access, machines, ml_files, services, storage
from scanner.concepts.clouds.common import Reader

READERS: dict[str, Reader] = {
    **machines.READERS,
    **services.READERS,
    **storage.READERS,
    **access.READERS,
    **ml_files.READERS,
}
