"""Addresses of this app, below /accounts/."""

from django.urls import URLPattern, path

from knowledgebase.accounts.pages import audit, joining, passwords, people, session, teams, tokens

page_urls: list[URLPattern] = [
    path("", session.index, name="index"),
    path("sign-in/", session.sign_in, name="sign-in"),
    path("sign-out/", session.sign_out, name="sign-out"),
    path("login/<str:secret>/", session.login_link, name="login-link"),
    path("invitation/<str:secret>/", joining.invitation, name="invitation"),
    path("password/", passwords.change, name="password"),
    path("forgot/", passwords.forgot, name="forgot"),
    path("reset/<str:secret>/", passwords.reset, name="reset"),
    path("tokens/", tokens.index, name="tokens"),
    path("tokens/<int:token_id>/revoke/", tokens.revoke, name="token-revoke"),
    path("teams/", teams.create, name="team-create"),
    path("teams/<slug:slug>/", teams.detail, name="team"),
    path("teams/<slug:slug>/invite/", teams.invite, name="team-invite"),
    path("teams/<slug:slug>/members/<int:user_id>/role/", teams.change_role, name="member-role"),
    path("teams/<slug:slug>/members/<int:user_id>/remove/", teams.remove, name="member-remove"),
    path(
        "teams/<slug:slug>/invitations/<int:invitation_id>/revoke/",
        teams.revoke_invitation,
        name="invitation-revoke",
    ),
    path("teams/<slug:slug>/audit/", audit.team_log, name="team-audit"),
    path("audit/", audit.hub_log, name="audit"),
    path("people/", people.index, name="people"),
    path("people/<int:user_id>/reset/", people.reset_link, name="people-reset"),
]
