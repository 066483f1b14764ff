"""Words of the language that no operator has. Out: what each means, in a line."""

from typing import Final

WORDS: Final = {
    "edition": "`edition 1`: a later edition never changes the meaning of an older file",
    "use": '`use "recipes/other.recipe": a, b as c`: names of another recipe',
    "let": "`let NAME = VALUE`: a constant: number, string, list (of stages or models too), map, range",
    "model": "`model NAME = EXPR [with {...}]`: a model; `model NAME[x in XS] = EXPR`: a family, one for each value",
    "corpus": "`corpus NAME: KIND = SOURCE | operator`: rows; KIND is checked, never a conversion",
    "stage": "`stage NAME: KIND {...}`: settings of a training; `stage NAME = a | b`: stages one after the other",
    "benchmark": "`benchmark NAME: KIND { on = CORPUS }`: questions that every model is asked",
    "evaluate": "`evaluate NAME { models on baseline average as }`: a table, models by benchmarks",
    "gate": "`gate NAME { require a.silk >= b.silk - 1pp }`: what measured scores must be; `ladle gate` judges it",
    "variant": "`variant NAME { stage.steps = 2 }`: a named overlay with the last word, chosen by `--variant`",
    "publish": '`publish NAME { model = m  to = hub("me/m")  licence = "mit" }`: a finished model and where it goes',
    "models": "`models = [a, b, family]` of `evaluate`: the rows of its table; a family stands for its members",
    "baseline": "`baseline = m` of `evaluate`: the model that others are compared with, one of `models`",
    "average": "`average = seed` of `evaluate`: members that differ in `seed` alone are one row, mean and spread",
    "as": "`as = dev` of `evaluate`: its numbers are development's; after `use`, `base as mine` is another name",
    "require": "`require a.silk >= 60%` of `gate`: what must hold, with `>=`, `<=`, `>`, `<` or `==`",
    "each": "`density = each(0.5, 0.7)` of a merge: one value for each operand, in their order",
    "else": "`t = {mlp: 0.3, else: 0.5}`: what holds for every other tensor; it is required and comes last",
    "in": "`model m[x in [a, b]] = EXPR`: an axis, and the values it takes",
    "by": "`0.1..0.9 by 0.2`: a range and its step; both ends are in it",
    "with": "`model m = EXPR with { cpt.epochs = 2  stage.seed = 7 }`: settings of the stages that EXPR applies",
}
"""What the words mean that begin a declaration, or stand in one and are no option of the catalogue."""
