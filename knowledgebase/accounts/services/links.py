"""One-time links that sign a person in or let them set a password; stored as hashes, good for a day."""

from __future__ import annotations

import secrets
from datetime import timedelta

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.utils import timezone

from knowledgebase.accounts.models import LoginLink, User
from knowledgebase.accounts.selectors import digest_of
from knowledgebase.accounts.services.audit import audit
from knowledgebase.accounts.services.people import ADMINISTRATOR, create_user, set_password

LINK_LIFE = timedelta(hours=24)
# Whoever asks for one person's link again and again fills a mailbox that is not theirs.
MAIL_PAUSE = timedelta(minutes=5)


def create_login_link(user: User) -> str:
    """The path of a link that signs this person in once, within a day."""
    secret = _create(user, LoginLink.Purpose.SIGN_IN)
    audit(user, "login_link.create", user.username)
    return f"/accounts/login/{secret}/"


def redeem_login_link(secret: str) -> User | None:
    """Who the link signs in; None when it was used, is too old or never was. One of two racing uses wins."""
    user = _redeem(secret, LoginLink.Purpose.SIGN_IN)
    if user is not None:
        audit(user, "login_link.use", user.username)
    return user


def create_reset_link(user: User, *, actor: User | None) -> str:
    """The path of a link that lets this person set a password once, within a day."""
    secret = _create(user, LoginLink.Purpose.PASSWORD)
    audit(actor, "reset_link.create", user.username)
    return f"/accounts/reset/{secret}/"


@transaction.atomic
def reset_password(secret: str, password: str) -> User | None:
    """Set the password of the link's person; None when it was used, is too old or never was.

    Problem 422 for a weak password, and then the link stays good.
    """
    user = _redeem(secret, LoginLink.Purpose.PASSWORD)
    if user is not None:
        set_password(user, password)
    return user


def mail_reset_link(name: str, base: str) -> None:
    """Send a link to the person with this name or address, if there is one with an address. Says nothing back."""
    found = User.objects.filter(is_active=True).exclude(email="")
    user = found.filter(username=name).first() or found.filter(email__iexact=name).first()
    recent = LoginLink.objects.filter(
        user=user, purpose=LoginLink.Purpose.PASSWORD, created_at__gt=timezone.now() - MAIL_PAUSE
    )
    if user is None or recent.exists():
        return
    address = base.rstrip("/") + create_reset_link(user, actor=user)
    body = f"Somebody asked to set a new password for {user.username}. This link works once, within a day:\n\n{address}\n"
    send_mail("TuneLore: set a new password", body, settings.DEFAULT_FROM_EMAIL, [user.email])


def ensure_administrator() -> str | None:
    """At the very first start: make the administrator and return the path of a sign-in link; later None."""
    if User.objects.filter(is_superuser=True).exists():
        return None
    return create_login_link(create_user(ADMINISTRATOR, is_superuser=True))


def _create(user: User, purpose: str) -> str:
    secret = secrets.token_urlsafe(32)
    LoginLink.objects.create(
        digest=digest_of(secret), user=user, purpose=purpose, expires_at=timezone.now() + LINK_LIFE
    )
    return secret


def _redeem(secret: str, purpose: str) -> User | None:
    now = timezone.now()
    links = LoginLink.objects.filter(digest=digest_of(secret), purpose=purpose)
    link = links.select_related("user").first()
    if link is None or not link.user.is_active:
        return None
    used = links.filter(pk=link.pk, used_at=None, expires_at__gt=now).update(used_at=now)
    return link.user if used else None
