"""Words that people build passwords on, and the rows that fingers walk. Lower-case, no accents."""

from __future__ import annotations

from typing import Final

WORDS: Final = frozenset(
    """
    password passwort passwd passphrase passcode motdepasse contrasena senha parola wachtwoord pass
    letmein welcome willkommen bienvenue bienvenido bienvenida benvenuto hello hallo bonjour ciao
    changeme change default secret geheim secreto segreto topsecret access login logon signin
    admin administrator administrateur root superuser user guest test testing tester demo sample
    example temp temporary master manager system server service support helpdesk office company
    business enterprise corporate account customer client intelligence platform dashboard analytics
    insight insights marketing sales finance database internet computer laptop network security
    windows microsoft apple google facebook instagram twitter linkedin amazon youtube samsung
    android iphone oracle linux ubuntu docker redis python java github gitlab
    iloveyou loveyou love lovely lover forever always babygirl baby angel princess prince queen king
    sunshine sunflower flower rainbow butterfly diamond crystal silver golden gold orange purple
    yellow green blue black white red pink banana apple cherry strawberry chocolate cookie coffee
    pepper ginger cheese pizza sugar honey sweet summer winter spring autumn season
    sommer fruehling herbst verano invierno primavera otono hiver printemps ete automne estate
    january february march april june july august september october november december
    januar februar maerz juni juli oktober dezember janvier fevrier mars avril juin juillet aout
    septembre octobre novembre decembre enero febrero marzo abril mayo junio julio agosto octubre
    noviembre diciembre
    monday tuesday wednesday thursday friday saturday sunday weekend holiday vacation birthday
    christmas halloween easter morning night today tomorrow
    montag dienstag mittwoch donnerstag freitag samstag sonntag
    dragon monkey tiger lion eagle falcon phoenix wolf bear horse dolphin shark panther jaguar cobra
    spider turtle rabbit bunny kitten kitty puppy doggy chicken buster bailey charlie max rocky
    lucky shadow smokey molly daisy sophie
    football fussball soccer baseball basketball hockey tennis golf golfer cricket rugby hunter
    fishing racing runner player gamer game winner champion soldier ranger warrior ninja samurai
    pirate knight wizard hacker killer zombie ghost monster hammer thunder storm lightning fire
    rocket batman superman spiderman ironman starwars pokemon pikachu naruto matrix minecraft
    fortnite nintendo playstation xbox mario zelda sonic barbie disney mickey garfield
    arsenal chelsea liverpool manchester united barcelona realmadrid madrid juventus milan bayern
    dortmund ajax celtic rangers benfica yankees lakers cowboys steelers eagles patriots redskins
    mercedes porsche ferrari mustang corvette camaro harley yamaha honda toyota audi bmw ford
    michael jennifer jessica ashley daniel matthew andrew joshua jordan thomas robert nicole hannah
    amanda justin anthony brandon samantha michelle melissa david james george william richard
    charles joseph alexander alexandra alex martin peter stefan andreas christian sebastian julia
    anna maria laura sarah lisa katharina carlos miguel jose juan pedro antonio francesco giovanni
    giulia pierre nicolas camille chloe emma olivia sophia isabella mohamed muhammad fatima
    london paris berlin hamburg muenchen vienna zurich amsterdam rome madrid lisbon newyork boston
    chicago dallas texas florida california america canada mexico brazil brasil england scotland
    ireland france germany deutschland italia espana portugal russia india china japan australia
    freedom liberty peace happy smile friend friends family mother father brother sister heaven
    jesus christ church blessed faith grace spirit magic mystery dream star stars moon ocean beach
    music guitar piano metallica nirvana eminem beatles elvis
    whatever nothing something trustno trustnoone blink biteme asshole fuck fuckyou shit bitch sexy
    hottie money dollar cash power super mega ultra awesome perfect beautiful
    correcthorsebatterystaple abc xyz
    """.split()  # noqa: SIM905 - seventy lines of quotation marks hide the words
)

# Cyclic: a walk may start anywhere and go either way.
ROWS: Final = (
    "abcdefghijklmnopqrstuvwxyz",
    "1234567890",
    "13579",
    "24680",
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiop",
    "yxcvbnm",
    "azertyuiop",
    "qsdfghjklm",
    "wxcvbn",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
    "qazwsxedcrfvtgbyhnujmikolp",
    "q1w2e3r4t5y6u7i8o9p0",
    "a1b2c3d4e5f6g7h8i9j0",
    "!@#$%^&*()",
    "147258369",
    "159753",
    "741852963",
)
