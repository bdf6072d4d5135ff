from django.apps import AppConfig


class DashboardsConfig(AppConfig):
    name = "dashboards"

    def ready(self) -> None:
        from dashboards import widgets
        from dashboards.live import revocations
        from devices.registry.metrics import metric_renamed

        revocations.connect()
        metric_renamed.connect(widgets.follow_renamed)
