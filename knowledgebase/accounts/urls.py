"""Addresses of this app, below /api/v1/ and below /accounts/."""

from django.urls import URLPattern, path

from knowledgebase.accounts import api, pages

api_urls: list[URLPattern] = [
    path("tokens/", api.TokenList.as_view(), name="token-list"),
    path("tokens/<int:token_id>/", api.TokenDetail.as_view(), name="token-detail"),
]
page_urls: list[URLPattern] = [
    path("", pages.index, name="index"),
    path("sign-in/", pages.sign_in, name="sign-in"),
    path("sign-out/", pages.sign_out, name="sign-out"),
    path("login/<str:secret>/", pages.login_link, name="login-link"),
    path("invitations/<str:secret>/", pages.invitation, name="invitation"),
    path("password/", pages.set_password, name="set-password"),
    path("address/", pages.set_email, name="set-email"),
    path("tokens/", pages.create_token, name="create-token"),
    path("tokens/<int:pk>/revoke/", pages.revoke_token, name="revoke-token"),
    path("forgot/", pages.forgot_password, name="forgot"),
    path("reset/<str:secret>/", pages.reset_password, name="reset"),
    path("people/", pages.people, name="people"),
    path("people/<int:user_id>/reset/", pages.reset_link, name="reset-link"),
    path("audit/", pages.audit_log, name="audit"),
    path("teams/", pages.create_team, name="create-team"),
    path("teams/<slug:slug>/", pages.team, name="team"),
    path("teams/<slug:slug>/invite/", pages.invite, name="invite"),
    path("teams/<slug:slug>/withdraw/", pages.withdraw, name="withdraw"),
    path("teams/<slug:slug>/role/", pages.change_role, name="change-role"),
    path("teams/<slug:slug>/remove/", pages.remove, name="remove-member"),
]
