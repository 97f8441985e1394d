"""Everyone has an own rhythm: order days in, the stage of each relationship out.

`history` counts, `fit` learns one small model of all customers (MBG/NBD), `score` looks at one
history through it, `stage` turns the score into a stage that does not flicker, `explain` says
why. Days go in; the model's unit is the week. Only `fit` and `forecast` need scipy.
"""
