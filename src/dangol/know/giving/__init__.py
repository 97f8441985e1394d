"""Give and take: who brings friends, what each side gave, and who is a fan."""

from dangol.know.giving.referral import apply_referrals, friend_token, read_friend_token

__all__ = ["apply_referrals", "friend_token", "read_friend_token"]
