from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class DevicesConfig(AppConfig):
    name = "devices"

    def ready(self) -> None:
        autodiscover_modules("chat_commands")
