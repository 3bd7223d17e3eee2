"""Accounts and their passwords. It knows nothing of sessions."""

from __future__ import annotations

from django.contrib.auth.password_validation import validate_password
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.text import slugify

from knowledgebase.accounts.models import Membership, Team, User
from knowledgebase.accounts.services.audit import audit
from knowledgebase.core.errors import FieldError, Problem

ADMINISTRATOR = "admin"
MOST_NAME = 150


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


def register_user(username: str, password: str, email: str = "") -> User:
    """A person who chose a name and a password; Problem 422 with every wrong field at once."""
    user = User(username=username, email=email)
    errors = [*_name_errors(username), *password_errors(user, password)]
    if errors:
        raise Problem(422, "invalid", "Invalid input", errors[0].message, errors)
    try:
        return create_user(username, password=password, email=email)
    except IntegrityError as error:
        # Somebody took the name between the look and the write.
        taken = _taken(username)
        raise Problem(422, "invalid", "Invalid input", taken.message, [taken]) from error


def set_password(user: User, password: str) -> None:
    """Replace the password; sessions elsewhere end with it. Problem 422 for a weak one."""
    errors = password_errors(user, password)
    if errors:
        raise Problem(422, "weak_password", "Weak password", errors[0].message, errors)
    user.set_password(password)
    user.save(update_fields=["password"])
    audit(user, "password.set", user.username)


def password_errors(user: User, password: str) -> list[FieldError]:
    """What is wrong with a password, in the words of its rules."""
    try:
        validate_password(password, user)
    except ValidationError as error:
        return [FieldError("password", message) for message in error.messages]
    return []


def _name_errors(username: str) -> list[FieldError]:
    try:
        UnicodeUsernameValidator()(username)
    except ValidationError:
        message = f"{username[:40]!r} has characters that a name may not have; use letters, digits and @ . + - _"
        return [FieldError("username", message)]
    if len(username) > MOST_NAME:
        return [FieldError("username", f"has {len(username)} characters, at most {MOST_NAME} are kept")]
    return [_taken(username)] if User.objects.filter(username__iexact=username).exists() else []


def _taken(username: str) -> FieldError:
    return FieldError("username", f"{username[:40]!r} is taken; choose another, or sign in if it is yours")
