"""How much of somebody's attention is left: one ledger for everything we send, on any channel.

Every message spends some, every act of the customer's own gives some, and time brings the level
back to where it rests. Silence of theirs is nobody's fault; silence of ours repairs.
"""
