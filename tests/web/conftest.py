from run_fixtures import config, gate, host, manager, training

__all__ = ["config", "gate", "host", "manager", "training"]
