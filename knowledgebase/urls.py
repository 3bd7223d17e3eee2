"""Every address of the hub: pages at the root, the API below /api/v1/."""

urlpatterns: list[object] = []
