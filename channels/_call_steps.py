"""Where a call of the spoken script can stand."""

from enum import StrEnum


class Step(StrEnum):
    """Where a call stands."""

    START = "greeting"
    LANGUAGE = "language"
    MENU = "menu"
    SPEAKING = "speaking"
    CONFIRMING = "confirming"
    WHERE = "where"
    TICKET = "ticket"
    STATUS = "status"
    MARKING = "marking"
    WHY = "why"
    NEWS = "news"
    SERVICES = "services"
    SERVICE_WORD = "service word"
    SERVICE = "service"
    EMERGENCY = "emergency"
    EMERGENCY_TRANSFER = "emergency transfer"
    TRANSFER = "transfer"
    CALLBACK = "callback"
    ENDING = "ending"
