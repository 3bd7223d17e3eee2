"""Addresses of this app, below /api/v1/ and below /experiences/."""

from django.urls import URLPattern, path

from knowledgebase.experiences import api, pages

api_urls: list[URLPattern] = [
    path("experiences/", api.ExperienceList.as_view(), name="experience-list"),
    path("experiences/export/", api.ExperienceExport.as_view(), name="experience-export"),
    path("experiences/<uuid:experience_id>/", api.ExperienceDetail.as_view(), name="experience-detail"),
    path(
        "experiences/<uuid:experience_id>/publication/",
        api.ExperiencePublication.as_view(),
        name="experience-publication",
    ),
    path("runs/", api.RunList.as_view(), name="run-list"),
    path("tasks/", api.TaskList.as_view(), name="task-list"),
    path("tasks/<str:digest>/", api.TaskDetail.as_view(), name="task-detail"),
    path("tasks/<str:digest>/leaderboard/", api.TaskLeaderboard.as_view(), name="task-leaderboard"),
    path("neighbours/", api.Neighbours.as_view(), name="neighbours"),
    path("language-models/", api.LanguageModelList.as_view(), name="language-model-list"),
    path("language-models/<int:pk>/", api.LanguageModelDetail.as_view(), name="language-model-detail"),
    path("systems/", api.SystemList.as_view(), name="system-list"),
    path("systems/<str:system_digest>/", api.SystemDetail.as_view(), name="system-detail"),
    path("stats/", api.StatisticsView.as_view(), name="stats"),
]
page_urls: list[URLPattern] = [
    path("", pages.index, name="index"),
    path("compare/", pages.compare, name="compare"),
    path("scatter/", pages.scatter, name="scatter"),
    path("publish/", pages.publish_selected, name="publish-selected"),
    path("<uuid:experience_id>/", pages.detail, name="detail"),
    path("<uuid:experience_id>/publish/", pages.publish, name="publish"),
    path("<uuid:experience_id>/withdraw/", pages.withdraw, name="withdraw"),
    path("<uuid:experience_id>/delete/", pages.delete, name="delete"),
    path("tasks/", pages.task_index, name="tasks"),
    path("tasks/<str:digest>/", pages.task_detail, name="task"),
    path("task-map/", pages.task_map, name="task-map"),
    path("language-models/", pages.language_model_index, name="language-models"),
    path("language-models/<int:pk>/", pages.language_model_detail, name="language-model"),
]
