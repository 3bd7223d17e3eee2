"""Addresses of this app, below /api/v1/ and below /searches/."""

from django.urls import URLPattern, path

from knowledgebase.searches import api, pages

api_urls: list[URLPattern] = [
    path("datasets/", api.DatasetList.as_view(), name="dataset-list"),
    path("datasets/<uuid:dataset_id>/", api.DatasetDetail.as_view(), name="dataset-detail"),
    path("priors/", api.Priors.as_view(), name="priors"),
    path("searches/", api.SearchList.as_view(), name="search-list"),
    path("searches/<uuid:search_id>/", api.SearchDetail.as_view(), name="search-detail"),
    path("searches/<uuid:search_id>/trials/", api.TrialList.as_view(), name="search-trials"),
    path("searches/<uuid:search_id>/prior/", api.SearchPrior.as_view(), name="search-prior"),
    path("searches/<uuid:search_id>/cancel/", api.SearchCancel.as_view(), name="search-cancel"),
    path("searches/<uuid:search_id>/script/", api.SearchScript.as_view(), name="search-script"),
]
page_urls: list[URLPattern] = [
    path("", pages.index, name="index"),
    path("new/", pages.choose_data, name="new"),
    path("new/columns/", pages.choose_columns, name="columns"),
    path("new/<uuid:dataset_id>/", pages.set_up, name="set-up"),
    path("new/<uuid:dataset_id>/estimate/", pages.estimate, name="estimate"),
    path("prior/", pages.prior_explorer, name="prior"),
    path("datasets/<uuid:dataset_id>/delete/", pages.delete_dataset, name="delete-dataset"),
    path("<uuid:search_id>/", pages.detail, name="detail"),
    path("<uuid:search_id>/live/", pages.live, name="live"),
    path("<uuid:search_id>/trials/<int:number>/", pages.trial, name="trial"),
    path("<uuid:search_id>/cancel/", pages.cancel, name="cancel"),
    path("<uuid:search_id>/delete/", pages.delete, name="delete"),
]
