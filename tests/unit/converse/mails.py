"""Mail as real programs send it, built by hand: raw bytes with CRLF."""


def mail(body="hello", **headers):
    """A plain mail; keyword `in_reply_to` becomes In-Reply-To and so on."""
    fields = {"From": "Kim <kim@home.example>", "To": "shop@shop.example", "Subject": "Re: Beans"}
    fields |= {name.replace("_", "-").title(): value for name, value in headers.items()}
    fields = {
        name.replace("Id", "ID") if "Message" in name else name: v for name, v in fields.items()
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items() if value is not None)
    text = body.replace("\n", "\r\n")
    return f"{head}Content-Type: text/plain; charset=utf-8\r\n\r\n{text}".encode()


def dsn(
    status="5.1.1", action="failed", diagnostic="smtp; 550 5.1.1 user unknown", message_id="<x@y>"
):
    """A delivery status notification (RFC 3464) with the headers of the returned mail."""
    return f"""From: MAILER-DAEMON@mx.example
To: b+token@in.example
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="B"

--B
Content-Type: text/plain

I'm sorry to have to inform you that your message could not be delivered.

--B
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example
Arrival-Date: Mon, 2 Mar 2026 09:00:00 +0900

Final-Recipient: rfc822; kim@home.example
Original-Recipient: rfc822;Kim@home.example
Action: {action}
Status: {status}
Remote-MTA: dns; mail.home.example
Diagnostic-Code: {diagnostic}

--B
Content-Type: text/rfc822-headers

Message-ID: {message_id}
Subject: Beans

--B--
""".replace("\n", "\r\n").encode()


def arf(kind="abuse", message_id="<x@y>"):
    """A feedback report (RFC 5965)."""
    return f"""From: feedback@isp.example
To: fbl@shop.example
Subject: FW: Beans
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="B"

--B
Content-Type: text/plain

This is an email abuse report.

--B
Content-Type: message/feedback-report

Feedback-Type: {kind}
User-Agent: SomeGenerator/1.0
Version: 1
Original-Rcpt-To: <kim@home.example>

--B
Content-Type: message/rfc822

Message-ID: {message_id}
From: shop@shop.example
Subject: Beans

hello
--B--
""".replace("\n", "\r\n").encode()
