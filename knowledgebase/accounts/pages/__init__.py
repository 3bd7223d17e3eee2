"""The pages of people: signing in, one's account, teams, lost passwords."""

from knowledgebase.accounts.pages.account import (
    audit_log,
    create_token,
    index,
    revoke_token,
    set_email,
    set_password,
)
from knowledgebase.accounts.pages.passwords import forgot_password, reset_password
from knowledgebase.accounts.pages.people import people, reset_link
from knowledgebase.accounts.pages.signing_in import invitation, login_link, safe_next, sign_in, sign_out
from knowledgebase.accounts.pages.teams import change_role, create_team, invite, remove, team, withdraw

__all__ = [
    "audit_log",
    "change_role",
    "create_team",
    "create_token",
    "forgot_password",
    "index",
    "invitation",
    "invite",
    "login_link",
    "people",
    "remove",
    "reset_link",
    "reset_password",
    "revoke_token",
    "safe_next",
    "set_email",
    "set_password",
    "sign_in",
    "sign_out",
    "team",
    "withdraw",
]
