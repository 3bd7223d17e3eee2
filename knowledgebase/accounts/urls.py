"""Addresses of this app, below /accounts/."""

from django.urls import URLPattern, path

from knowledgebase.accounts import pages

page_urls: list[URLPattern] = [
    path("", pages.index, name="index"),
    path("sign-in/", pages.sign_in, name="sign-in"),
    path("sign-out/", pages.sign_out, name="sign-out"),
    path("login/<str:secret>/", pages.login_link, name="login-link"),
]
