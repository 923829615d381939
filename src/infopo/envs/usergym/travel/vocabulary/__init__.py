"""The words of the travel gym: one closed table for `nano`, one open table an aspect for `standard`."""

from infopo.envs.usergym.travel.vocabulary.apartment import APARTMENT
from infopo.envs.usergym.travel.vocabulary.flight import FLIGHT
from infopo.envs.usergym.travel.vocabulary.hotel import HOTEL
from infopo.envs.usergym.travel.vocabulary.nano import NANO
from infopo.envs.usergym.travel.vocabulary.rental_car import RENTAL_CAR
from infopo.envs.usergym.travel.vocabulary.restaurant import RESTAURANT
from infopo.envs.usergym.travel.words import Vocabulary

STANDARD: Vocabulary = {words.name: words for words in (FLIGHT, HOTEL, APARTMENT, RENTAL_CAR, RESTAURANT)}


def vocabulary(difficulty: str) -> Vocabulary:
    """The table of a difficulty."""
    return NANO if difficulty == "nano" else STANDARD
