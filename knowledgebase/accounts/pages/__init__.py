"""Pages about people: the session, one's account, tokens, teams, passwords, audit."""

from knowledgebase.accounts.pages.session import safe_next

__all__ = ["safe_next"]
