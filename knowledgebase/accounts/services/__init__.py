"""Writes about people, teams and tokens; every door calls these. They know nothing of HTTP."""

from knowledgebase.accounts.services.auditing import audit
from knowledgebase.accounts.services.people import (
    ADMINISTRATOR,
    create_login_link,
    create_reset_link,
    create_user,
    ensure_administrator,
    mail_reset_link,
    personal_team,
    redeem_login_link,
    register,
    reset_password,
    set_email,
    set_password,
)
from knowledgebase.accounts.services.teams import (
    accept_invitation,
    add_member,
    change_role,
    create_team,
    invitation_of,
    invite,
    remove_member,
    require_writer,
    withdraw_invitations,
)
from knowledgebase.accounts.services.tokens import OPERATORS, create_token, require_offered, revoke_token

__all__ = [
    "ADMINISTRATOR",
    "OPERATORS",
    "accept_invitation",
    "add_member",
    "audit",
    "change_role",
    "create_login_link",
    "create_reset_link",
    "create_team",
    "create_token",
    "create_user",
    "ensure_administrator",
    "invitation_of",
    "invite",
    "mail_reset_link",
    "personal_team",
    "redeem_login_link",
    "register",
    "remove_member",
    "require_offered",
    "require_writer",
    "reset_password",
    "revoke_token",
    "set_email",
    "set_password",
    "withdraw_invitations",
]
