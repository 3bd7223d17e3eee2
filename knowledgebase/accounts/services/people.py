"""Writes about people: accounts, passwords, sign-in links. A secret is returned once, by what made it."""

from __future__ import annotations

import secrets
from datetime import timedelta

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.text import slugify

from knowledgebase.accounts.models import LoginLink, Membership, Team, User
from knowledgebase.accounts.selectors import digest_of
from knowledgebase.accounts.services.auditing import audit
from knowledgebase.core.errors import FieldError, Problem

LINK_LIFE = timedelta(hours=24)
ADMINISTRATOR = "admin"


@transaction.atomic
def create_user(username: str, *, password: str | None = None, is_superuser: bool = False) -> User:
    """A person with a personal team. Without a password they sign in by link only."""
    user = User(username=username, is_superuser=is_superuser, is_staff=is_superuser)
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
    secret = secrets.token_urlsafe(32)
    LoginLink.objects.create(digest=digest_of(secret), user=user, expires_at=timezone.now() + LINK_LIFE)
    audit(user, "login_link.create", user.username)
    return f"/accounts/login/{secret}/"


def redeem_login_link(secret: str) -> User | None:
    """Who the link signs in; None when it was used, is too old or never was. One of two racing uses wins."""
    now = timezone.now()
    link = LoginLink.objects.select_related("user").filter(digest=digest_of(secret)).first()
    if link is None or not link.user.is_active:
        return None
    used = LoginLink.objects.filter(pk=link.pk, used_at=None, expires_at__gt=now).update(used_at=now)
    if not used:
        return None
    audit(link.user, "login_link.use", link.user.username)
    return link.user


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


def register(username: str, password: str) -> User:
    """A new account with a password, for somebody who was invited. Problem 422 or 409 that says what is wrong."""
    user = User(username=username)
    try:
        User.username_validator(username)
        if not 1 <= len(username) <= 150:
            raise ValidationError("a name has 1 to 150 letters")
    except ValidationError as error:
        detail = "; ".join(error.messages)
        raise Problem(422, "invalid", "Invalid input", detail, [FieldError("username", detail)]) from error
    try:
        with transaction.atomic():
            user = create_user(username)
            set_password(user, password)
    except IntegrityError as error:
        detail = f"the name {username!r} is taken; choose another"
        raise Problem(409, "name_taken", "Name taken", detail, [FieldError("username", detail)]) from error
    return user
