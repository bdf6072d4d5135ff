from dashboards.models.dashboards import Dashboard, Widget

__all__ = ["Dashboard", "Widget"]
