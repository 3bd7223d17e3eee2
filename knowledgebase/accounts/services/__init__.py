"""Writes about people: accounts, teams, invitations, tokens, one-time links, audit.

They know nothing of HTTP. A secret is returned once, as text, by the function that made it.
"""

from knowledgebase.accounts.services.audit import audit
from knowledgebase.accounts.services.invitations import accept_invitation, invite, revoke_invitation
from knowledgebase.accounts.services.links import (
    create_login_link,
    create_reset_link,
    ensure_administrator,
    mail_reset_link,
    redeem_login_link,
    reset_password,
)
from knowledgebase.accounts.services.people import (
    ADMINISTRATOR,
    create_user,
    personal_team,
    register_user,
    set_password,
)
from knowledgebase.accounts.services.teams import (
    add_member,
    change_role,
    create_team,
    remove_member,
    require_owner,
    require_writer,
)
from knowledgebase.accounts.services.tokens import create_token, revoke_token

__all__ = [
    "ADMINISTRATOR",
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
    "invite",
    "mail_reset_link",
    "personal_team",
    "redeem_login_link",
    "register_user",
    "remove_member",
    "require_owner",
    "require_writer",
    "reset_password",
    "revoke_invitation",
    "revoke_token",
    "set_password",
]
