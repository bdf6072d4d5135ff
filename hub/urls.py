from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("bridges.rest.urls")),
    path("", include("dashboards.urls")),
]
