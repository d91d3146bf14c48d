"""AWS resources to concepts."""

from scanner.concepts.clouds.aws import access, clusters, machines, network, sagemaker, storage, training
from scanner.concepts.clouds.common import Reader

READERS: dict[str, Reader] = {
    **clusters.READERS,
    **machines.READERS,
    **training.READERS,
    **sagemaker.READERS,
    **storage.READERS,
    **network.READERS,
    **access.READERS,
}
