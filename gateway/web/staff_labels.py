"""What the pages call the acts in the audit, and what has to do with accounts. Translated where they are drawn."""

from collections.abc import Mapping

from gateway.web.catalogues import N_

# By what stands in the store; an act that is not listed is shown by its own name.
AUDIT: Mapping[str, str] = {
    "login": N_("logged in"),
    "logout": N_("logged out"),
    "login failed": N_("wrong password or code"),
    "locked": N_("account locked after wrong tries"),
    "recovery code used": N_("recovery code used"),
    "setup": N_("first administrator made"),
    "user added": N_("account made"),
    "user removed": N_("account removed"),
    "user disabled": N_("account disabled"),
    "user enabled": N_("account enabled"),
    "invited": N_("one-time link made"),
    "role administrator": N_("role changed to administrator"),
    "role moderator": N_("role changed to moderator"),
    "role officer": N_("role changed to officer"),
    "role viewer": N_("role changed to viewer"),
    "password chosen": N_("password chosen by link"),
    "password changed": N_("password changed"),
    "password set": N_("password set"),
    "password reset": N_("password reset"),
    "second factor set up": N_("second factor set up"),
    "second factor removed": N_("second factor removed"),
    "recovery codes renewed": N_("recovery codes renewed"),
    "session ended": N_("session ended"),
    "other sessions ended": N_("other sessions ended"),
    "token made": N_("token made"),
    "token ended": N_("token ended"),
    "post publish": N_("post published"),
    "post hold": N_("post held for a second look"),
    "post reject": N_("post rejected"),
    "post withdraw": N_("post withdrawn"),
    "post correct": N_("text of a post corrected"),
    "post undone": N_("decision undone"),
    "post answered": N_("post answered"),
    "post photo_hidden": N_("photo kept from the public"),
    "post photo_shown": N_("photo shown again"),
    "post file_again": N_("file tried again"),
    "delivery sent again": N_("delivery sent again"),
    "delivery dropped": N_("delivery dropped"),
    "broadcast pause": N_("broadcast paused"),
    "broadcast resume": N_("broadcast resumed"),
    "broadcast stop": N_("broadcast stopped"),
    "broadcast agree": N_("cost of a broadcast agreed to"),
    "channel paused": N_("channel paused"),
    "channel isolated": N_("channel isolated"),
    "channel resumed": N_("channel resumed"),
    "erased": N_("a citizen erased"),
    "payloads forgotten": N_("old payloads forgotten"),
    "audit exported": N_("audit exported"),
    "backup": N_("backup made"),
    "restored": N_("restored from a backup"),
}
# Who acts there beside accounts.
AUDIT_ACTORS: Mapping[str, str] = {
    "author": N_("the author"),
    "nobody": N_("unknown name"),
    "upkeep": N_("upkeep"),
    "command line": N_("command line"),
}
SCOPES: Mapping[str, str] = {
    "read": N_("read"),
    "post": N_("answer as the department"),
    "moderate": N_("decide about posts"),
    "operate": N_("run deliveries, broadcasts and channels"),
    "admin": N_("administer users, audit and settings"),
}
ORIGINS: Mapping[str, str] = {"default": N_("default"), "environment": N_("environment"), "file": N_("file")}
# What deliberate errors say to staff, word for word as they are raised elsewhere.
FAULTS = (
    N_("this is not your password"),
    N_("this code is not right; take the newest one"),
    N_("begin again with your password"),
    N_("you have a second factor already"),
    N_("set up a second factor first"),
    N_("say what the token is for"),
    N_("give a number of days that is allowed"),
    N_("choose what the token may do"),
    N_("end tokens that are not used any more first"),
    N_("choose a role"),
    N_("only an officer belongs to a department"),
    N_("nobody else could administer then; make another administrator first"),
    N_("somebody else must do this to your account"),
    N_("this account is disabled; enable it first"),
    N_("this account has no second factor"),
    N_("this session has ended already"),
    N_("there is no such post"),
    N_("give a day, like 2026-03-02"),
    N_("somebody has this name already"),
)
TABLES: Mapping[str, Mapping[str, str]] = {
    "audit": AUDIT,
    "audit_actor": AUDIT_ACTORS,
    "scope": SCOPES,
    "origin": ORIGINS,
}
