from django.apps import AppConfig


class BridgesConfig(AppConfig):
    name = "bridges"

    def ready(self) -> None:
        from bridges.sources.decoders import step

        step.install()
