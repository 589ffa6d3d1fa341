"""Ready-made plugins that know the user: each verifies with its own framework's code, and changes nothing.

Several can stand side by side on one application that has several planes of login. Where they name the same
user, the credential that owes most counts; where they name different ones, the request is refused.
"""
