"""Every route of the desk and the role it takes: the whole map on one screen."""

from dangol.web.desk import account, customers, home, signing
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
)
