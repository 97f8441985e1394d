"""What people answer: mail in, the right thread of the right person out, and the team's replies.

`post` takes mail in (SMTP, IMAP) and appends it to intake; Route calls `service.hear_mail`, which
reads it (`mail`, `quote`), tells what it is (`kind`, `bounce`), finds whose it is (`match`) and
keeps it in threads. `thread` is what the desk does with them.
"""
