"""The practice shop: a Seoul coffee roaster to learn on, with the truth about it written beside.

`shop` invents it, purely, from a seed; `six` are people who can be checked by hand; `job` sends it
through real intake; `furnish` adds segments, a letter and a draft; `removal` takes it all away.
"""
