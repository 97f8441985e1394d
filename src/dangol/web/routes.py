"""Every route of the desk and the role it takes: the whole map on one screen."""

from dangol.web.desk import (
    account,
    answers,
    customers,
    home,
    jobs,
    keys,
    letters,
    mailbox,
    segments,
    shop,
    signing,
    team,
)
from dangol.web.serve import Route
from dangol.web.signin.role import Role

OPEN, VIEW, SUPPORT, MARKET, OWN = None, Role.VIEWER, Role.SUPPORT, Role.MARKETER, Role.OWNER

DESK = (
    # signing in
    Route("GET", "/sign-in", signing.show_form, OPEN),
    Route("POST", "/sign-in", signing.sign_in, OPEN),
    Route("GET", "/sign-in/link/{token:str}", signing.show_link, OPEN),
    Route("POST", "/sign-in/link/{token:str}", signing.use_link, OPEN),
    Route("POST", "/sign-out", signing.sign_out, VIEW),
    # oneself
    Route("GET", "/account", account.show, VIEW),
    Route("POST", "/account", account.save, VIEW),
    Route("POST", "/account/password", account.save_password, VIEW),
    Route("POST", "/account/locale", account.save_locale, VIEW),
    # home
    Route("GET", "/", home.show, VIEW),
    # customers
    Route("GET", "/customers", customers.show_list, VIEW),
    Route("GET", "/customers.csv", customers.download, VIEW),
    # segments
    Route("GET", "/segments", segments.show_list, VIEW),
    Route("GET", "/segments.csv", segments.download, VIEW),
    Route("GET", "/segments/new", segments.begin, MARKET),
    Route("POST", "/segments", segments.create, MARKET),
    Route("POST", "/segments/preview", segments.preview, VIEW),
    Route("GET", "/segments/{id:str}", segments.show, VIEW),
    Route("POST", "/segments/{id:str}", segments.save, MARKET),
    Route("POST", "/segments/{id:str}/archive", segments.archive, MARKET),
    Route("GET", "/segments/{id:str}/people", segments.show_people, VIEW),
    Route("GET", "/segments/{id:str}/people.csv", segments.download_people, VIEW),
    # letters
    Route("GET", "/letters", letters.show_list, VIEW),
    Route("GET", "/letters.csv", letters.download, VIEW),
    Route("POST", "/letters", letters.create, MARKET),
    Route("GET", "/letters/{id:str}", letters.show, VIEW),
    Route("POST", "/letters/{id:str}", letters.save, MARKET),
    Route("GET", "/letters/{id:str}/preview", letters.preview_saved, VIEW),
    Route("POST", "/letters/{id:str}/preview", letters.preview_typed, MARKET),
    Route("POST", "/letters/{id:str}/archive", letters.archive, MARKET),
    # answers and the sandbox mailbox
    Route("GET", "/answers", answers.show_list, VIEW),
    Route("GET", "/answers.csv", answers.download, VIEW),
    Route("GET", "/answers/{customer:str}/{id:str}", answers.show, VIEW),
    Route("POST", "/answers/{customer:str}/{id:str}", answers.answer, SUPPORT),
    Route("POST", "/answers/{customer:str}/{id:str}/close", answers.close, SUPPORT),
    Route("POST", "/answers/{customer:str}/{id:str}/complaint", answers.mark_complaint, SUPPORT),
    Route(
        "GET",
        "/answers/{customer:str}/{message:str}/files/{position:str}",
        answers.download_attachment,
        VIEW,
    ),
    Route("GET", "/mailbox", mailbox.show_list, VIEW),
    Route("GET", "/mailbox.csv", mailbox.download, VIEW),
    Route("POST", "/mailbox/clear", mailbox.clear, MARKET),
    Route("GET", "/mailbox/{id:str}", mailbox.show, VIEW),
    Route("POST", "/mailbox/{id:str}", mailbox.reply, SUPPORT),
    Route("GET", "/mailbox/{id:str}/body", mailbox.show_body, VIEW),
    Route("GET", "/mailbox/{id:str}/raw", mailbox.download_raw, VIEW),
    # long work
    Route("GET", "/jobs/{id:str}", jobs.show_part, VIEW),
    Route("POST", "/jobs/{id:str}/pause", jobs.pause, MARKET),
    Route("POST", "/jobs/{id:str}/resume", jobs.resume, MARKET),
    Route("POST", "/jobs/{id:str}/cancel", jobs.cancel, MARKET),
    # settings
    Route("GET", "/settings", shop.show, OWN),
    Route("POST", "/settings", shop.save, OWN),
    Route("GET", "/settings/keys", keys.show, OWN),
    Route("POST", "/settings/keys", keys.create, OWN),
    Route("POST", "/settings/keys/{id:str}/revoke", keys.revoke, OWN),
    Route("GET", "/settings/members", team.show, OWN),
    Route("POST", "/settings/members", team.invite, OWN),
    Route("POST", "/settings/members/{id:str}", team.change, OWN),
    Route("POST", "/settings/members/{id:str}/link", team.new_link, OWN),
    Route("GET", "/settings/history", team.show_audit, OWN),
    Route("GET", "/settings/history.csv", team.download_audit, OWN),
)
