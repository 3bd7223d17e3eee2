"""Writes about people: accounts, passwords, sign-in links. A secret is returned once, by what made it."""

from __future__ import annotations

import logging
import secrets
from datetime import timedelta

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.mail import send_mail
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.text import slugify

from knowledgebase.accounts.models import LoginLink, Membership, Team, User
from knowledgebase.accounts.selectors import digest_of
from knowledgebase.accounts.services.auditing import audit
from knowledgebase.core.errors import FieldError, Problem

logger = logging.getLogger(__name__)

LINK_LIFE = timedelta(hours=24)
# Whoever asks for one person's link again and again would fill a mailbox that is not theirs.
MAIL_PAUSE = timedelta(minutes=5)
MOST_MAILS = 10
MOST_ADDRESS = 254  # as the column has it
ADMINISTRATOR = "admin"


@transaction.atomic
def create_user(
    username: str, *, password: str | None = None, email: str = "", is_superuser: bool = False
) -> User:
    """A person with a personal team. Without a password they sign in by link only."""
    user = User(username=username, email=email, is_superuser=is_superuser, is_staff=is_superuser)
    if password:
        user.set_password(password)
    else:
        user.set_unusable_password()
    user.save()
    personal_team(user)
    audit(None, "user.create", username)
    return user


@transaction.atomic
def personal_team(user: User) -> Team:
    """The team that a person's records belong to when they name no other; made when it is missing."""
    team = Team.objects.filter(personal_of=user).first()
    if team is None:
        slug = f"{slugify(user.username) or 'user'}-{user.pk}"
        team = Team.objects.create(slug=slug, name=user.username, personal_of=user)
        Membership.objects.create(team=team, user=user, role=Membership.Role.OWNER)
    return team


def create_login_link(user: User) -> str:
    """The path of a link that signs this person in once, within a day."""
    secret = _new_link(user, LoginLink.Purpose.SIGN_IN)
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
    secret = _new_link(user, LoginLink.Purpose.PASSWORD)
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
    """Send a link to whoever has this name or address, if they have an address; the caller learns nothing.

    An address may stand at several accounts: each gets a link of its own, so that none can stand before another.
    """
    found = User.objects.filter(Q(username=name) | Q(email__iexact=name), is_active=True).exclude(email="")
    for user in found.order_by("pk")[:MOST_MAILS]:
        _mail_reset_link(user, base)


def _mail_reset_link(user: User, base: str) -> None:
    recent = LoginLink.objects.filter(
        user=user, purpose=LoginLink.Purpose.PASSWORD, created_at__gt=timezone.now() - MAIL_PAUSE
    )
    if recent.exists():
        return
    address = base.rstrip("/") + create_reset_link(user, actor=None)
    asked = f"Somebody asked to set a new password for {user.username}."
    body = f"{asked} This link works once, within a day:\n\n{address}\n"
    try:
        send_mail("TuneLore: set a new password", body, settings.DEFAULT_FROM_EMAIL, [user.email])
    except OSError:  # smtplib's errors are among them; an answer that differs would say who is here
        logger.exception("the mail with a reset link could not be sent")


@transaction.atomic
def set_email(user: User, email: str) -> None:
    """The address that links go to, "" for none; Problem 422 for what is no address. Open links end.

    A link that waits in a mailbox which is the person's no longer must not set their password.
    """
    require_address(email)
    user.email = email
    user.save(update_fields=["email"])
    LoginLink.objects.filter(user=user, purpose=LoginLink.Purpose.PASSWORD, used_at=None).update(
        used_at=timezone.now()
    )
    audit(user, "email.set" if email else "email.remove", user.username)


def require_address(email: str) -> None:
    """Problem 422 unless this is "" or can be a mail address."""
    try:
        validate_email(email or "a@example.org")
        if len(email) > MOST_ADDRESS:
            raise ValidationError(f"an address has at most {MOST_ADDRESS} characters")
    except ValidationError as error:
        detail = f"{email[:100]!r} is no address: {'; '.join(error.messages)}"
        raise Problem(422, "invalid", "Invalid input", detail, [FieldError("email", detail)]) from error


def _new_link(user: User, purpose: str) -> str:
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


def ensure_administrator() -> str | None:
    """At the very first start: make the administrator and return the path of a sign-in link; later None."""
    if User.objects.filter(is_superuser=True).exists():
        return None
    return create_login_link(create_user(ADMINISTRATOR, is_superuser=True))


def set_password(user: User, password: str) -> None:
    """A new password; Problem 422 with every reason why it will not do. Other sessions of the person end."""
    try:
        validate_password(password, user)
    except ValidationError as error:
        detail = " ".join(error.messages)
        raise Problem(
            422, "weak_password", "Weak password", detail, [FieldError("password", detail)]
        ) from error
    user.set_password(password)
    user.save(update_fields=["password"])
    audit(user, "password.set", user.username)


def register(username: str, password: str, email: str = "") -> User:
    """A new account with a password, for somebody who was invited. Problem 422 or 409 that says what is wrong."""
    require_address(email)
    try:
        User.username_validator(username)
        if not 1 <= len(username) <= 150:
            raise ValidationError("a name has 1 to 150 letters")
    except ValidationError as error:
        detail = "; ".join(error.messages)
        raise Problem(422, "invalid", "Invalid input", detail, [FieldError("username", detail)]) from error
    try:
        with transaction.atomic():
            user = create_user(username, email=email)
            set_password(user, password)
    except IntegrityError as error:
        detail = f"the name {username!r} is taken; choose another"
        raise Problem(409, "name_taken", "Name taken", detail, [FieldError("username", detail)]) from error
    return user
