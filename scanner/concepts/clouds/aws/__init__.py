"""AWS resources to concepts."""

from scanner.concepts.clouds.aws import access, machines, network, sagemaker, storage
from scanner.concepts.clouds.common import Reader

READERS: dict[str, Reader] = {
    **machines.READERS,
    **sagemaker.READERS,
    **storage.READERS,
    **network.READERS,
    **access.READERS,
}
