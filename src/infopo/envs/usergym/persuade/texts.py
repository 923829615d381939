"""What the believer says, in both difficulties."""

from collections.abc import Mapping

from infopo.core import Message
from infopo.envs.usergym.persuade.bank import Task
from infopo.envs.usergym.persuade.words import PLANS, TOPIC

SYSTEM = """The user believes in a claim, and you are to change their mind, all the way. You work in turns: each of \
your messages is exactly one action, and each action gets an answer.

[action] <question>  ask the user why they believe it.
[answer] <argument>  argue against one reason at a time. Somebody who hears arguments about things that never \
worried them digs in.
[finish]  end the conversation.

The number of turns is limited."""
UPSTREAM_SYSTEM = """The user believes in a claim, and you are to change their mind, all the way. Each of your \
messages is one action: [answer] and your argument. The number of turns is limited."""

STANDARD: Mapping[str, tuple[str, ...]] = {
    "reason": (
        "It is the {topic} that I think of.",
        "Because of the {topic}, to tell the truth.",
        "The {topic}, mostly.",
    ),
    "no_more": ("I have told you all my reasons.",),
    "yes": ("Yes, the {topic} matters to me.",),
    "no": ("No, I do not care about the {topic}.",),
    "moved": ("About the {topic} you may be right.", "I had not seen the {topic} like that."),
    "unmoved": ("The {topic} was never my concern. You do not understand me.",),
    "again": ("You have said that about the {topic}, and I agreed.",),
    "several": ("One thing at a time, please.",),
    "unclear": ("I do not see what that has to do with it.",),
    "failed": ("I cannot follow you at the moment.",),
    "invalid": ("This is no action. Start your message with [action], [answer] or [finish].",),
    "finish": ("The conversation is over.",),
}
NANO: Mapping[str, tuple[str, ...]] = {
    "reason": ("because of {topic}",),
    "no_more": ("no more reason",),
    "yes": ("yes because of {topic}",),
    "no": ("no",),
    "moved": ("true about {topic}",),
    "unmoved": ("i do not care about {topic}",),
    "again": ("i know about {topic}",),
    "several": ("one thing please",),
    "unclear": ("i did not understand",),
    "failed": ("i did not understand",),
    "invalid": ("i did not understand",),
    "finish": ("bye",),
}
TEXTS = {"standard": STANDARD, "nano": NANO}


def opening(task: Task, difficulty: str) -> tuple[Message, ...]:
    """`the bridge must go`, then what could matter, then `because of cost` for what is revealed (nano)."""
    if difficulty == "nano":
        lines = [f"the {task.thing} must {task.plan}", f"about : {' '.join(TOPIC.names)}"]
        lines += [f"because of {reason}" for reason in task.told]
        return (Message(role="user", content="\n".join(lines)),)
    sentences = [PLANS[task.plan].format(thing=task.thing), "Of that I am sure."]
    sentences += [f"The {reason} is one reason." for reason in task.told]
    return (Message(role="system", content=SYSTEM), Message(role="user", content=" ".join(sentences)))
