"""Reading a paper: from a stranger's bytes to a clean copy, or the reason why there is none."""

from ledger.papers.copies import CleanCopy
from ledger.papers.kinds import PDF, kind_of, refuse_two_in_one


def read_paper(content: bytes) -> CleanCopy:
    """Returns a paper's clean copy. Raises `Unfit` with the reason.

    This MUST run where a decoder that is taken over can do no harm: see `ledger.papers.apart`.
    """
    media = kind_of(content)
    refuse_two_in_one(content, media)
    if media == PDF:
        from ledger.papers.pdfs import copy_pdf

        return copy_pdf(content)
    from ledger.papers.pictures import copy_picture

    return copy_picture(content, media)
