"""Training of networks that find single objects."""

from suffice.training.instances.loop import TrainedInstances, train_instances
from suffice.training.instances.plan import InstancePlan, plan_from_toml, plan_to_toml
from suffice.training.instances.store import InstanceStore, StoredInstances

__all__ = [
    "InstancePlan",
    "InstanceStore",
    "StoredInstances",
    "TrainedInstances",
    "plan_from_toml",
    "plan_to_toml",
    "train_instances",
]
