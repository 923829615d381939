"""The cities of difficulty `standard`."""

CITIES = (
    *("London", "Paris", "Rome", "Berlin", "Madrid", "Lisbon", "Vienna", "Prague", "Oslo", "Dublin"),
    *("Athens", "Cairo", "Tokyo", "Seoul", "Sydney", "Toronto", "Boston", "Chicago", "Denver", "Miami"),
    *("Lima", "Nairobi", "Helsinki", "Warsaw", "New York", "San Francisco", "Buenos Aires", "Hong Kong"),
    *("Cape Town", "Mexico City", "Kuala Lumpur", "New Orleans"),
)
