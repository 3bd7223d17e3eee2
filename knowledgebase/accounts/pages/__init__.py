"""The pages of people: signing in, one's account, teams."""

from knowledgebase.accounts.pages.account import audit_log, create_token, index, revoke_token, set_password
from knowledgebase.accounts.pages.signing_in import invitation, login_link, safe_next, sign_in, sign_out
from knowledgebase.accounts.pages.teams import change_role, create_team, invite, remove, team, withdraw

__all__ = [
    "audit_log",
    "change_role",
    "create_team",
    "create_token",
    "index",
    "invitation",
    "invite",
    "login_link",
    "remove",
    "revoke_token",
    "safe_next",
    "set_password",
    "sign_in",
    "sign_out",
    "team",
    "withdraw",
]
