"""What the command line says of the way to metrics and to the cluster."""

from dataclasses import dataclass

from surefoot.cli.kube import Cluster, Object, connect


@dataclass(frozen=True, slots=True)
class Access:
    """None is looked for. `address`: of Prometheus; `credentials`: a folder with what it wants to see."""

    address: str | None = None
    credentials: str | None = None
    context: str | None = None
    kubeconfig: str | None = None

    def connect(self, namespace: str | None = None) -> Cluster:
        """The cluster of the kubeconfig. Raises `Problem`."""
        return connect(namespace, self.context, self.kubeconfig)

    def release_class(self, name: str) -> Object:
        """The ReleaseClass of that name in the cluster. Raises `Problem`."""
        return self.connect().release_class(name)
