"""What the published gym says, in our own words, in both difficulties."""

from collections.abc import Mapping

from infopo.envs.episode import NO_INFORMATION

UPSTREAM_TEXTS: dict[str, Mapping[str, str]] = {
    "standard": {
        "absent": "I have no wish of that kind.",
        "vague": "That is a rather general question. Please ask me about one concrete thing.",
        "failed": "I am sorry, I cannot answer that at the moment.",
        "invalid": "This is no action. Start your message with [action], [search], [answer] or [finish].",
        "search_bad": "Nothing was searched. Search for one part of the trip, with exactly its arguments.",
        "search_failed": "The database does not respond at the moment.",
        "search_repeated": "The options for the {aspect} were returned before, see above.",
        "bad_id": "{option!r} is no option id. An id is a letter and a number.",
        "chosen": "You have recommended an option {letter} before.",
        "best": "Your recommendation is what the user likes best.",
        "best_and_wrong": "One recommendation is what the user likes best, another does not fit.",
        "fits": "Your recommendation fits, and it is not the best one.",
        "fits_and_wrong": "One recommendation fits, another does not.",
        "none": "Your recommendation does not fit.",
        "recorded": "It is recorded.",
        "finish": "The conversation is over: {elicited} of {total} preferences were elicited, {share} %.",
    },
    "nano": {
        "absent": "no wish there",
        "vague": "please ask about one thing",
        "failed": NO_INFORMATION,
        "invalid": "i did not understand",
        "search_bad": "please search one aspect with city and month",
        "search_failed": "please search again",
        "search_repeated": "already shown {aspect}",
        "bad_id": "no such option",
        "chosen": "already chosen",
        "best": "that is best",
        "best_and_wrong": "one is best",
        "fits": "that is okay",
        "fits_and_wrong": "one is okay",
        "none": "that is not okay",
        "recorded": "saved",
        "finish": "bye {elicited} of {total}",
    },
}
